"""Errors have their pages, both languages say the same, and no text holds what belongs to one machine."""

import pytest

from tests.house import wording
from tests.house.repository import ROOT, python_files, read, sample, text_files, tracked

PAGES = "docs/errors/"


def pages() -> set[str]:
    """Return the codes that have a page."""
    return {path.removeprefix(PAGES).removesuffix(".md") for path in tracked() if path.startswith(f"{PAGES}WEFT-")}


def codes() -> dict[str, str]:
    """Return the codes that classes carry, each with its place."""
    return dict(pair for source in python_files("src") for pair in wording.error_codes(source))


def test_every_error_code_has_a_page() -> None:
    """`weft explain CODE` answers for every code."""
    missing = [f"{codes()[code]}: {code} has no page {PAGES}{code}.md" for code in sorted(codes().keys() - pages())]

    assert not missing, "\n".join(missing)


def test_every_error_page_has_a_class() -> None:
    """No page explains an error that nothing raises."""
    orphans = pages() - codes().keys()

    assert not orphans, sorted(orphans)


def test_error_pages_name_their_code() -> None:
    """The title of a page starts with its code."""
    wrong = [code for code in pages() if not (ROOT / f"{PAGES}{code}.md").read_text("utf-8").startswith(f"# {code}")]

    assert not wrong, sorted(wrong)


def test_error_codes_are_unique() -> None:
    """Two classes never share a code, so that a page explains one thing."""
    found = [code for source in python_files("src") for code, _ in wording.error_codes(source)]

    assert len(found) == len(set(found))


def test_both_readmes_have_one_structure() -> None:
    """The English and the Chinese page share headings, lists, tables, links and code, in order."""
    english, chinese = (wording.skeleton(read(path).text) for path in ("README.md", "README.zh-CN.md"))

    assert english == chinese


def test_links_lead_somewhere() -> None:
    """Every link of a page to a file of the repository finds it."""
    pages_of_text = [source for source in text_files() if source.path.endswith(".md")]

    found = [line for source in pages_of_text for line in wording.dead_links(source)]

    assert not found, "\n".join(found)


def test_texts_belong_to_no_machine() -> None:
    """No file names a machine's folders or a registry's host, and every task has an owner."""
    rules = (wording.tasks_without_owner, wording.machine_paths, wording.registry_hosts)

    found = [line for source in text_files() for rule in rules for line in rule(source)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "offences"),
    [
        ("# TO" + "DO: later", 1),
        ("# TO" + "DO(ada): later", 0),
        ("see /ro" + "ot/x", 1),
        ("see https://example.org/ho" + "me/x", 0),
        ("pip -i https://py" + "pi.org/simple", 1),
        ("{store}/wo" + "rk/x", 0),
    ],
)
def test_wrong_words_are_found(text: str, offences: int) -> None:
    """Ownerless tasks, machine paths and registry hosts are refused; what only looks alike is not."""
    rules = (wording.tasks_without_owner, wording.machine_paths, wording.registry_hosts)

    assert sum(len(list(rule(sample(text)))) for rule in rules) == offences


def test_dead_links_are_found() -> None:
    """A link is dead if its file is missing; links to the web are not looked at."""
    assert list(wording.dead_links(sample("[x](nowhere.md)", "docs/page.md")))
    assert not list(wording.dead_links(sample("[x](../README.md#top) [y](https://example.org)", "docs/page.md")))


def test_error_codes_are_read_from_classes() -> None:
    """A code is found whether or not its attribute is annotated."""
    text = 'class A:\n    code = "WEFT-E1"\nclass B:\n    code: ClassVar[str] = "WEFT-E2"\nclass C:\n    code = ""\n'

    assert [code for code, _ in wording.error_codes(sample(text))] == ["WEFT-E1", "WEFT-E2"]


def test_skeleton_keeps_code_and_forgets_words() -> None:
    """Pages differ when their code differs, and not when their prose does."""
    english, chinese = "# Title\n```python\nx = 1\n```\n", "# 标题\n```python\nx = 1\n```\n"

    assert wording.skeleton(english) == wording.skeleton(chinese)
    assert wording.skeleton(english) != wording.skeleton(chinese.replace("x = 1", "x = 2"))
