"""Grids of runs: each cell is the run it names, counted, judged, and alone in what goes wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from explorer.axes import resolve_grid
from explorer.diffusion.mixture import GaussianMixture
from explorer.engine.engine import Engine
from explorer.engine.grid_frame import GridCell, GridProgress
from explorer.engine.judge import EXACT_POINTS, Judge, energy_distance, exact_points
from explorer.engine.worker import Answer, Worker
from explorer.formats.registry import inspect, load
from explorer.lenses.base import numpy32
from explorer.request import Axis, AxisName, AxisValue, Grid, Guidance, Run
from explorer.state import State
from tests.engine.models import CLASSES, T_PICTURES

Cells = dict[tuple[int, int], GridCell]


def grid_of(
    path: str, rows: tuple[AxisName, tuple[AxisValue, ...]], columns: tuple[AxisName, Any], **changes: Any
) -> Grid:
    state = State(model=path, device="cpu", sampler_seed=11, steps=4).with_changes(**changes)
    return resolve_grid(state, inspect(path), Axis(*rows), Axis(*columns), count=2)


def cells_of(engine: Engine, grid: Grid) -> Cells:
    """What is known of each cell at the end."""
    frames = list(engine.answer(grid))
    assert all(isinstance(frame, GridCell | GridProgress) for frame in frames)
    fractions = [frame.fraction for frame in frames if isinstance(frame, GridProgress)]
    assert fractions == sorted(fractions)
    return {(frame.row, frame.column): frame for frame in frames if isinstance(frame, GridCell)}


def single(path: str, run: Run) -> np.ndarray[Any, Any]:
    """The last x of the same run in an engine of its own."""
    engine = Engine()
    for _ in engine.answer(replace(run, run=1, record=True)):
        pass
    return numpy32(engine.trajectory(1).last.x)


def test_a_cell_is_the_single_run_bit_for_bit(engine: Engine, pictures: str) -> None:
    samplers = ("ddim", "ddpm", "heun", "dpmpp_2m", "euler_maruyama", "predictor_corrector", "annealed_langevin")
    grid = grid_of(pictures, ("sampler", samplers), ("label", (1, None)), guidance_scale=2.0)
    cells = cells_of(engine, grid)
    for (row, column), cell in cells.items():
        run = grid.cells[row][column]
        assert isinstance(run, Run)
        assert cell.x is not None, cell.error
        np.testing.assert_array_equal(cell.x, single(pictures, run), err_msg=f"{run.sampler} {column}")


@pytest.mark.parametrize("sampler", ["langevin", "mala", "ode", "diffusers:HeunDiscreteScheduler"])
def test_a_cell_of_points_is_the_single_run(engine: Engine, points: str, sampler: str) -> None:
    grid = grid_of(points, ("sampler", (sampler,)), ("sampler_seed", (3, 4)))
    for (row, column), cell in cells_of(engine, grid).items():
        run = grid.cells[row][column]
        assert isinstance(run, Run)
        assert cell.x is not None, cell.error
        np.testing.assert_array_equal(cell.x, single(points, run))


def test_calls_are_those_that_x_took(engine: Engine, pictures: str, points: str) -> None:
    """A step of Euler's method asks once, one of Heun's twice but for the last; the last look at t = 0 is not made."""
    cells = cells_of(engine, grid_of(pictures, ("sampler", ("ddim", "ddpm", "dpmpp_2m", "heun")), ("steps", (3, 7))))
    calls = {place: cell.network_calls for place, cell in cells.items()}
    for column, n in enumerate((3, 7)):
        assert [calls[row, column] for row in range(4)] == [n, n, n, 2 * n - 1]
    langevin = cells_of(engine, grid_of(points, ("sampler", ("langevin", "mala")), ("steps", (5,))))
    assert [langevin[row, 0].network_calls for row in range(2)] == [5, 6]  # MALA decides by what is said of the last


def test_all_cells_begin_with_the_same_noise_unless_the_seed_is_varied(engine: Engine, pictures: str) -> None:
    """At one step DDIM ends with x̂₀ of x_T, so what it begins with shows."""
    same = cells_of(engine, grid_of(pictures, ("eta", (0.0, 1.0)), ("steps", (1,))))
    np.testing.assert_array_equal(same[0, 0].x, same[1, 0].x)
    seeds = cells_of(engine, grid_of(pictures, ("sampler_seed", (1, 2)), ("steps", (1,))))
    one, other = seeds[0, 0].x, seeds[1, 0].x
    assert one is not None
    assert other is not None
    assert not np.array_equal(one, other)


def test_a_cell_that_fails_leaves_the_others(engine: Engine, pictures: str) -> None:
    grid = grid_of(pictures, ("sampler", ("ddim", "heun", "nonsense")), ("eta", (0.0, 0.5)))
    cells = cells_of(engine, grid)
    assert len(cells) == 6
    assert all(cells[0, k].x is not None and not cells[0, k].error for k in range(2))
    assert {cells[1, k].error for k in range(2)} == {"Heun has no η."}
    assert all(cells[1, k].beside_the_point for k in range(2)), "which is nobody's mistake"
    assert not cells[2, 0].beside_the_point
    assert "nonsense" in cells[2, 0].error
    steps = cells_of(engine, grid_of(pictures, ("steps", (0, T_PICTURES + 1, 2)), ("label", (0,))))
    assert [bool(steps[row, 0].error) for row in range(3)] == [True, True, False]
    assert all(cell.error.endswith(".") for cell in [*cells.values(), *steps.values()] if cell.error)


def test_nothing_of_a_grid_is_kept(engine: Engine, pictures: str) -> None:
    cells_of(engine, grid_of(pictures, ("steps", (2, 3)), ("label", (0, 1))))
    assert engine.runs.nbytes == 0


def test_without_a_judge_the_most_calls_are_the_reference(engine: Engine, pictures: str) -> None:
    cells = cells_of(engine, grid_of(pictures, ("sampler", ("ddim", "heun")), ("steps", (2, 8))))
    assert [place for place, cell in cells.items() if cell.reference] == [(1, 1)]
    best = cells[1, 1].x
    for cell in cells.values():
        assert cell.x is not None
        assert best is not None
        expected = np.sqrt(np.mean((cell.x.astype(np.float64) - best) ** 2))
        assert cell.quality == pytest.approx(expected, rel=1e-12)
        assert cell.measure is not None
        assert not cell.measure.higher_is_better
    assert cells[1, 1].quality == 0


def test_only_what_asks_the_same_is_compared(engine: Engine, pictures: str) -> None:
    alone = cells_of(engine, grid_of(pictures, ("sampler_seed", (1, 2)), ("label", (0, 1))))
    assert all(cell.quality is None and not cell.reference for cell in alone.values())
    labels = cells_of(engine, grid_of(pictures, ("label", (0, 1)), ("steps", (2, 5))))
    assert [labels[row, column].reference for row in range(2) for column in range(2)] == [False, True, False, True]


def quality_of(cell: GridCell) -> float:
    assert cell.quality is not None
    return cell.quality


def test_points_are_measured_by_the_energy_distance(engine: Engine, points: str) -> None:
    state = State(model=points, device="cpu", sampler_seed=5)
    grid = resolve_grid(state, inspect(points), Axis("steps", (1, 4, 40)), Axis("sampler", ("ddim",)), count=1000)
    cells = cells_of(engine, grid)
    quality = [quality_of(cells[row, 0]) for row in range(3)]
    assert quality[0] > 5 * quality[1] > 0
    assert quality[2] < 0.02
    measure = cells[0, 0].measure
    assert measure is not None
    assert measure.name == "energy distance"
    model = load(inspect(points).path, "cpu")
    assert model.truth is not None
    exact = exact_points(model.truth, None)
    x = cells[2, 0].x
    assert exact is not None
    assert x is not None
    points_of_cell, y = x.astype(np.float64), exact.numpy()

    def distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        return float(np.hypot(*(a[:, None, d] - b[None, :, d] for d in range(2))).mean())

    expected = 2 * distance(points_of_cell, y) - distance(points_of_cell, points_of_cell) - distance(y, y)
    assert quality[2] == pytest.approx(expected, rel=1e-9)
    floor = distance(y, y) * (1 / len(x) + 1 / len(y))
    assert f"would have about {floor:.2g}." in measure.words


def test_the_energy_distance_of_exact_points_is_what_the_words_say(points: str) -> None:
    model = load(points, "cpu")
    assert model.truth is not None
    exact = exact_points(model.truth, None, 3000)
    assert exact is not None
    one, other = exact[:1000], exact[1000:]
    between = energy_distance(one, other)
    floor = torch.cdist(other, other).mean().item() * (1 / 1000 + 1 / 2000)
    assert 0.2 * floor < between < 4 * floor
    assert energy_distance(one, one) == 0
    shifted = energy_distance(one + 10.0, other)  # of points far apart, 2·distance less both spreads
    assert shifted > 10


def test_of_a_piece_that_is_hardly_ever_drawn_there_is_no_measure() -> None:
    weights, means = torch.tensor([1 - 1e-6, 1e-6]), torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    rare = GaussianMixture(weights, means, torch.eye(2).expand(2, 2, 2))
    assert exact_points(rare, 1) is None
    often = exact_points(rare, 0)
    assert often is not None
    assert often.shape == (EXACT_POINTS, 2)


def test_labels_of_points_are_measured_by_their_own_piece(engine: Engine, points: str) -> None:
    state = State(model=points, device="cpu", guidance_kind="classifier")
    facts = inspect(points)
    grid = resolve_grid(state, facts, Axis("label", (0, 1, None)), Axis("steps", (30,)), count=500)
    cells = cells_of(engine, grid)
    assert max(quality_of(cells[row, 0]) for row in range(3)) < 0.05
    assert cells[0, 0].measure is not None
    assert "of the label" in cells[0, 0].measure.words
    model = load(points, "cpu")
    wrong = Judge(model)(torch.from_numpy(cells[0, 0].x), Guidance(1, 1.0, "classifier"))
    assert wrong is not None
    assert wrong.quality > 1


def test_pictures_are_read_by_the_classifier(pictures: str) -> None:
    """By a classifier that sees the class in the mean of a picture."""
    model = load(pictures, "cpu")

    def log_p(x: torch.Tensor, t: float) -> torch.Tensor:
        assert t == 0
        index = x.mean((1, 2, 3)).round().long()
        return torch.nn.functional.one_hot(index, CLASSES).double().mul(0.6).add(0.2 / CLASSES * 2).log()

    from explorer.facts import ClassifierFacts

    facts = replace(model.facts, classifier=ClassifierFacts("the network “X”", model.facts.class_names))
    judge = Judge(replace(model, facts=facts, classifier=lambda: log_p))
    x = torch.tensor([0.0, 1.0, 1.0, 2.0]).view(4, 1, 1, 1).expand(4, 1, 8, 8)
    share, sure = judge(x, Guidance(1, 2.0)), judge(x, Guidance())
    assert share is not None
    assert sure is not None
    assert (share.quality, share.measure.higher_is_better, share.measure.unit) == (0.5, True, "%")
    assert sure.quality == pytest.approx(0.6 + 0.4 / CLASSES)
    partial = judge(x, Guidance(1, 2.0, "classifier"))
    assert partial is not None
    assert "partial" in partial.measure.words


def test_a_grid_is_cancelled_between_two_steps_and_gives_way_to_a_run(pictures: str) -> None:
    import queue

    answers: queue.Queue[Answer] = queue.Queue()
    worker = Worker(answers.put)
    worker.start()
    try:
        answers.get(timeout=60)
        grid = grid_of(pictures, ("steps", (50,)), ("sampler_seed", tuple(range(40))))
        job = worker.submit(grid)
        first = answers.get(timeout=60)
        assert first.job == job
        run = grid.cells[0][0]
        assert isinstance(run, Run)
        number = worker.submit(replace(run, steps=3, run=1))
        found = [answers.get(timeout=60)]
        while not (found[-1].job == number and found[-1].last):
            found.append(answers.get(timeout=60))
        began = next(i for i, answer in enumerate(found) if answer.job == number)
        assert {answer.job for answer in found[began:]} == {number}  # the grid waits for the whole run
        worker.cancel("grid")
        last = worker.submit(replace(run, steps=2, run=2))
        left = [answers.get(timeout=60)]
        while not (left[-1].job == last and left[-1].last):
            left.append(answers.get(timeout=60))
        assert sum(answer.job == job for answer in left) <= 1  # the one that was under way
    finally:
        worker.close()
