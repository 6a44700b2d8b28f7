"""Numbers in the book's sentences are printed by an output, a record's table or code, computed from these, or known.

A sentence that tells more than the code beside it needs an entry in `numbers_by_hand`.
"""

import ast
import json
import math
import re
import statistics
from dataclasses import asdict
from functools import cache
from pathlib import Path

import baseline
import numbers_by_hand
import numpy as np
import pytest
import result_tables

from vamp_core import TrainingConfig, load_pretrained
from vamp_core.pretrained import read_card
from vamp_core.training.recipes import RECIPES
from vamp_core.training.run_folder import read_history

ROOT = Path(__file__).parents[2]
RECORDS = result_tables.RECORDS
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
AUDIT = ("<!-- audit -->", "<!-- end of audit -->")  # around the table that `make audit` writes
PAGES = [ROOT / "README.md"]
PAGES += [ROOT / "book" / f"{name}.md" for name in ("intro", "notation", "results_made", "tried", "cost")]
# The tables that a chapter's sentences cite; a page cites those that it includes.
CITED = {
    "README": ["results", "seeds", "likelihoods"],
    "03_vampprior": ["results", "seeds", "likelihoods"],
    "05_hvae": ["results", "seeds"],
    "06_results": ["results", "seeds"],
    "07_likelihood": ["likelihoods"],
    "08_forty_latents": ["forty_priors", "forty_clothes", "collapse", "trainings"],
    "09_todays_priors": ["seeds_of_chapter_9"],
    "11_train_it_yourself": ["results", "compute", "retrained"],
}


class Number:
    """A number as it is printed: its `text`, its `value` without the sign, and how many `decimals` it has."""

    def __init__(self, text):
        mantissa, _, exponent = text.partition("e")
        self.text, self.value = text, float(text)
        self.decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)

    def rounds(self, value, decimals=math.inf):
        """Whether this is `value`, which is known to so many decimals, after rounding."""
        return decimals >= self.decimals and abs(abs(value) - self.value) <= 0.5 * 10**-self.decimals + 1e-9


def numbers(text):
    """All numbers of a text without their signs; their digits may be grouped as 10,000, 10{,}000 or 10_000."""
    text = re.sub(r"(?<=\d)(?:,|\{,\}|_)(?=\d{3}(?!\d))", "", text)
    return [Number(found) for found in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e[-+]?\d+)?", text)]


def stated(markdown):
    """The numbers in sentences: all decimals, and whole numbers of two digits and more.

    Left out are code, addresses, HTML, and the table of results, which is made from the cards.
    """
    for first, last in (result_tables.MARKERS, AUDIT):
        before, *made = markdown.split(first)
        markdown = before + "".join(part.split(last)[1] for part in made)
    for code in (r"(?s)```.*?```", r"`[^`]*`", r"\]\([^)]*\)", r"https?://\S+", r"<[^>]+>"):
        markdown = re.sub(code, "", markdown)
    return [number for number in numbers(markdown) if number.value >= 10 or number.decimals > 0]


class Passage:
    """A Markdown cell or a section: the numbers that its sentences state, and what may back them."""

    def __init__(self, markdown, printed, exact):
        self.stated = stated(markdown)
        self.printed = [number for text in printed for number in numbers(text)]
        self.exact = {number.value for text in exact for number in numbers(text)}

    def has(self, number):
        """Whether an output or a table prints it, rounded no more than here, or code has it as it is."""
        return number.value in self.exact or any(number.rounds(other.value, other.decimals) for other in self.printed)


class Page:
    """The passages of a page, and its entries in `numbers_by_hand`.

    A cell's decimals have to come from the outputs of the two code cells above it, from code near it, or from a table
    that the chapter cites; a section's from the tables that it includes. A small pool lets few wrong numbers through.
    """

    def __init__(self, path):
        self.name, self.outputs = path.stem, ""
        self.derived = numbers_by_hand.DERIVED.get(self.name, {})
        self.known = numbers_by_hand.KNOWN.get(self.name, {})
        self.by_hand = {**self.derived, **self.known, **numbers_by_hand.KNOWN["everywhere"]}
        settings = [json.dumps(RECIPES), json.dumps(asdict(TrainingConfig()))]
        tables = [_table(name) for name in CITED.get(self.name, ())]
        if path.suffix == ".md":
            sections = re.split(r"^(?=#+ )", path.read_text(), flags=re.M)
            self.passages = [Passage(each, tables + _included(each), settings) for each in sections]
            return
        cells = json.loads(path.read_text())["cells"]
        seconds = json.loads((RECORDS / "notebooks.json").read_text()).get(path.name, {})
        settings += [str(each) for each in seconds.values()]
        code, outputs, self.passages = [], [], []
        after = [_without_style(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        for cell in cells:
            if cell["cell_type"] == "code":
                code.append(after.pop(0))
                outputs.append("".join(map(_text, cell["outputs"])))
                continue
            near = code[-3:] + after[:2]
            self.passages.append(Passage("".join(cell["source"]), tables + outputs[-2:], settings + near))
        self.outputs = "".join(outputs)
        everywhere = {number.value for text in code + outputs for number in numbers(text) if number.decimals <= 0}
        for passage in self.passages:
            passage.exact |= everywhere  # whole numbers, such as an image's 28 pixels, count wherever code has them

    def backs(self, number, passage):
        return number.text in self.by_hand or passage.has(number)


def _table(name):
    return (RECORDS / f"{name}.md").read_text()


def _included(markdown):
    return [_table(name) for name in re.findall(r"^```\{include\} results/(\w+)\.md", markdown, re.M)]


def _text(output):
    text = "".join(output.get("text") or output["data"].get("text/plain", ""))
    return "" if text.startswith("<") else text + "\n"  # a figure's size is no result


def _without_style(source):
    """Code less the lines that say how a figure looks."""
    return "".join(line for line in source if not re.search(r"alpha|size=|width=|shrink|inset|subplots|duration", line))


page = cache(Page)
each_page = pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: path.stem)


def metric(name, key):
    return result_tables.metric(name, key)[0]


def likelihood(name):
    return json.loads((RECORDS / name / "likelihood.json").read_text())


def forty_truth(name):
    """A model's row: NLL in the paper, by its protocol here, by the default estimate, and annealed."""
    [row] = re.findall(rf"^\| `{name}` .*", result_tables.forty_truths(), re.M)
    return [float(number) for number in re.findall(r"\d+\.\d+", row)]


def line(notebook, start):
    """The numbers of the line that starts so in the outputs of a notebook."""
    [found] = re.findall(rf"^{re.escape(start)}.*", page(ROOT / "notebooks" / f"{notebook}.ipynb").outputs, re.M)
    return [number.value for number in numbers(found.removeprefix(start.rstrip("0123456789-")))]


def starts(key):
    """What the convolutional baseline gains when it starts at the VampPrior's networks instead of its own."""
    own, vamp = (metric(name, key) for name in baseline.starts())
    return vamp - own


def log_prior(name, *z):
    return float(load_pretrained(name)[0].prior.log_prob(np.array([z], "float32"))[0])


def short(name, chapter=3):
    """Test ELBOs of a chapter's short trainings, by seed."""
    return json.loads((RECORDS / f"seeds_of_chapter_{chapter}.json").read_text())["test_elbo"][name]


def lead(first, second, chapter=3):
    return [a - b for a, b in zip(short(first, chapter), short(second, chapter), strict=True)]


def losses(key):
    return lambda name: read_card(f"fashionmnist-{name}")["history"][key]


READERS = {
    **{name: getattr(math, name) for name in ("log", "exp", "sqrt", "ceil")},
    "metric": metric,
    "likelihood": likelihood,
    "forty_truth": forty_truth,
    "nll": lambda name: likelihood(name)["nll"],
    "history": lambda name, key: read_history(RECORDS / name / "history.csv")[key],
    "first": lambda flags: 1 + list(flags).index(True),  # epochs count from one
    "last": lambda flags: 1 + np.flatnonzero(list(flags))[-1],
    "forerunner": result_tables.FORERUNNER.get,
    "line": line,
    "starts": starts,
    "short": short,
    "lead": lead,
    "mean": statistics.mean,
    "stdev": statistics.stdev,
    "log_prior": log_prior,
    "loss": losses("loss"),
    "val_loss": losses("val_loss"),
}


@each_page
def test_numbers_in_sentences_are_printed_computed_or_known(path):
    assert [n.text for passage in page(path).passages for n in passage.stated if not page(path).backs(n, passage)] == []


@each_page
def test_numbers_that_are_computed_by_hand_are_what_they_claim(path):
    for text, expression in page(path).derived.items():
        constants = [node.value for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Constant)]
        operands = [Number(repr(value)) for value in constants if isinstance(value, float) and value < 1e9]
        known = [page(path).derived, *page(path).passages]
        unknown = [each.text for each in operands if not any(_knows(source, each) for source in known)]
        assert unknown == [], expression
        assert Number(text).rounds(eval(expression, dict(READERS))), f"{text} is not {expression}"


def _knows(source, number):
    return number.text in source if isinstance(source, dict) else source.has(number)


@each_page
def test_no_entry_by_hand_is_left_over(path):
    needed = {n.text for each in page(path).passages for n in each.stated if not each.has(n)}
    assert {*page(path).derived, *page(path).known} <= needed


def test_most_wrong_numbers_would_be_found():
    """Each decimal of a sentence in turn, changed in its last place."""
    caught, planted = 0, 0
    for path in (*PAGES, *NOTEBOOKS):
        for passage in page(path).passages:
            for number in passage.stated:
                for slip in (-3, -1, 1, 3):
                    wrong = Number(f"{abs(number.value + slip * 10**-number.decimals):.{max(number.decimals, 0)}f}")
                    if number.decimals > 0:
                        planted += 1
                        caught += not page(path).backs(wrong, passage)
    print(f"{caught} of {planted} planted numbers found")
    assert caught > 0.75 * planted
