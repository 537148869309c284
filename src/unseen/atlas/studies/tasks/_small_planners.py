"""Networks that write a plan: an action, what holds after it, and on from what they wrote; and what becomes of such plans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unseen.atlas.studies.tasks._puzzle_networks import Mixing
from unseen.atlas.studies.tasks._small_worlds import Problems, World
from unseen.engine.seeds import draw_seed, seeded_torch

WIDTH, LAYERS, BATCH, RATE, KEEPS = 48, 2, 128, 6e-3, 3.0
# Most actions of a plan: twice the longest of the shortest ones.
LONGEST = 16


class Planner(nn.Module):
    """Reads what holds and what shall hold, variable by variable, and tells the next action; and what holds after an action.

    Args:
        world: Whose variables and actions.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self.variables = world.states.shape[1]
        self.values = int(world.states.max()) + 1
        entries, rows = self.variables * self.values, self.variables + 1
        self.now, self.wanted, self.before = (nn.Embedding(entries, WIDTH) for _ in range(3))
        self.ask, self.done = nn.Parameter(torch.randn(WIDTH)), nn.Embedding(len(world.actions), WIDTH)
        self.choosing = nn.Sequential(*(Mixing(rows, WIDTH) for _ in range(LAYERS)), nn.LayerNorm(WIDTH))
        self.tracking = nn.Sequential(*(Mixing(rows, WIDTH) for _ in range(LAYERS)), nn.LayerNorm(WIDTH))
        self.action = nn.Linear(WIDTH, len(world.actions))
        self.then = nn.Linear(WIDTH, self.values)

    def choose(self, state: Tensor, goal: Tensor) -> Tensor:
        """Logits of actions from what holds and shall hold, (batch, variables) twice → (batch, actions)."""
        slot = torch.arange(self.variables) * self.values
        x = self.now(state + slot) + self.wanted(goal + slot)
        return self.action(self.choosing(torch.cat([x, self.ask.expand(len(x), 1, -1)], 1))[:, -1])

    def track(self, state: Tensor, action: Tensor) -> Tensor:
        """Logits of what holds after an action, (batch, variables) and (batch,) → (batch, variables, values)."""
        x = self.before(state + torch.arange(self.variables) * self.values)
        x = self.tracking(torch.cat([x, self.done(action)[:, None]], 1))[:, :-1]
        # Most variables keep their value.
        return self.then(x) + KEEPS * F.one_hot(state, self.values)


def fitted(
    world: World, steps: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], updates: int, rng: np.random.Generator
) -> Planner:
    """A planner trained on steps of shortest plans (numbers of states, goals, actions, and states that follow)."""
    with seeded_torch(draw_seed(rng)):
        net = Planner(world)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
    states = torch.tensor(world.states)
    table = [torch.tensor(part) for part in steps]
    for step in range(updates):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / (updates / 10)) * (1 - 0.95 * step / updates)
        rows = torch.tensor(rng.integers(len(table[0]), size=BATCH))
        state, goal, action, after = (part[rows] for part in table)
        then = net.track(states[state], action)
        loss = F.cross_entropy(net.choose(states[state], states[goal]), action)
        loss = loss + F.cross_entropy(then.transpose(1, 2), states[after], reduction="sum") / BATCH
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    return net.eval()


@dataclass(frozen=True)
class Plans:
    """What became of plans.

    Attributes:
        feasible: Whether every action could be taken and the goal held at the end.
        broken: Whether an action could not be taken.
        length: How many actions were written.
    """

    feasible: np.ndarray
    broken: np.ndarray
    length: np.ndarray


@torch.no_grad()
def planned(net: Planner, world: World, asked: Problems, *, told: bool = False) -> Plans:
    """Plans written greedily, and executed.

    Args:
        net: Who plans; it ends a plan where it believes that the goal holds.
        world: Where they are executed.
        asked: What is asked.
        told: Whether the network is told after each action what holds, and need not keep track itself.
    """
    n, states = len(asked.start), torch.tensor(world.states)
    goal, belief = states[asked.goal], states[asked.start]
    true, broken = asked.start.copy(), np.zeros(n, dtype=bool)
    going, length = np.ones(n, dtype=bool), np.zeros(n, dtype=int)
    for _ in range(LONGEST):
        action = net.choose(belief, goal).argmax(-1)
        after = world.after[true, action.numpy()]
        broken |= going & (after < 0)
        true = np.where(going & (after >= 0), after, true)
        length += going
        belief = torch.where(
            torch.tensor(going)[:, None], states[true] if told else net.track(belief, action).argmax(-1), belief
        )
        going &= ~broken & ~(belief == goal).all(-1).numpy()
        if not going.any():
            break
    return Plans(~broken & (true == asked.goal), broken, length)
