"""What is asked and shown above a screen: a line of text, yes or no, the keys, a tree of sub-agents."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static, Tree
from textual.widgets.tree import TreeNode

from sessiondb.chat.text import counted
from sessiondb.cli.browse.keymap import HELP
from sessiondb.cli.browse.rows import title
from sessiondb.cli.browse.store import Family

_LEAVE: list[BindingType] = [Binding("escape", "dismiss", "leave")]


class Ask(ModalScreen[str | None]):
    """Asks for a line of text; None where the person leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = _LEAVE

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = value

    def compose(self) -> ComposeResult:
        """Yield the question and the field."""
        with Vertical(classes="dialog"):
            yield Static(self._question, markup=False)
            yield Input(self._value, select_on_focus=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give what was typed."""
        self.dismiss(event.value.strip())


class Confirm(ModalScreen[bool]):
    """Asks whether to do something."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "dismiss(True)", "yes"),
        Binding("n,escape,q", "dismiss(False)", "no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Yield the question."""
        with Vertical(classes="dialog"):
            yield Static(f"{self._question}  (y/n)", markup=False)


class Help(ModalScreen[None]):
    """Shows the keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter,f1", "dismiss", "leave")]

    def compose(self) -> ComposeResult:
        """Yield the text."""
        with VerticalScroll(classes="dialog help"):
            yield Static(HELP, markup=False)


class Relatives(ModalScreen[str | None]):
    """Shows a session with its sub-agents as a tree; gives the one that is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,s", "dismiss", "leave"),
        Binding("j", "move(1)", "down"),
        Binding("k", "move(-1)", "up"),
    ]

    def __init__(self, family: Family, current: str) -> None:
        super().__init__()
        self._family = family
        self._current = current

    def compose(self) -> ComposeResult:
        """Yield the tree."""
        with Vertical(classes="dialog tree"):
            tree: Tree[str] = Tree(self._label(self._family), self._family.session.id)
            tree.root.expand()
            self._add(tree.root, self._family)
            yield tree

    def on_mount(self) -> None:
        """Begin at the session that the tree was asked for."""
        tree = self.query_one(Tree)
        tree.focus()
        for line in range(tree.last_line + 1):
            node = tree.get_node_at_line(line)
            if node is not None and node.data == self._current:
                tree.cursor_line = line

    def _add(self, node: TreeNode[str], family: Family) -> None:
        for below in family.below:
            self._add(
                node.add(self._label(below), below.session.id, expand=True, allow_expand=bool(below.below)),
                below,
            )

    def _label(self, family: Family) -> Text:
        session = family.session
        label = Text(title(session), "bold" if session.id == self._current else "", no_wrap=True)
        label.append(f"  {counted(session.message_count, 'message')}", "dim")
        return label

    def action_move(self, lines: int) -> None:
        """Go up or down."""
        tree = self.query_one(Tree)
        tree.cursor_line = max(0, min(tree.cursor_line + lines, tree.last_line))

    def on_tree_node_selected(self, event: Tree.NodeSelected[str]) -> None:
        """Give the session."""
        self.dismiss(event.node.data)
