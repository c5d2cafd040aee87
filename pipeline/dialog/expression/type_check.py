"""The type of an expression, before the first call."""

import ast
from collections.abc import Mapping

from offhook.pipeline.dialog.expression.error import ExpressionError
from offhook.pipeline.dialog.expression.functions import FUNCTIONS
from offhook.pipeline.dialog.expression.types import Type, joined, may_be, type_of
from offhook.pipeline.dialog.expression.words import WORDS
from offhook.pipeline.dialog.opening_hours import WEEKDAYS


class TypeCheck(ast.NodeVisitor):
    """`visit` gives the type of a part's value, where variables have these. Raises ExpressionError where it cannot make
    sense. The visitor is given what `expression.parse` allows."""

    def __init__(self, types: Mapping[str, Type]) -> None:
        self._types = types

    def visit_Constant(self, node: ast.Constant) -> Type:
        return Type.NUMBER if isinstance(node.value, float) else type_of(node.value)

    def visit_Name(self, node: ast.Name) -> Type:
        return type_of(WORDS[node.id]) if node.id in WORDS else self._types.get(node.id, Type.ANY)

    def visit_Call(self, node: ast.Call) -> Type:
        assert isinstance(node.func, ast.Name), "nothing else is parsed"
        name, function = node.func.id, FUNCTIONS[node.func.id]
        most = len(function.takes)
        least = most - function.optional
        if not least <= len(node.args) <= most:
            example = f"`{name}({', '.join(str(each) for each in function.takes)})`"
            takes = f"{most}" if least == most else f"{least} to {most}"
            word = "argument" if most == 1 else "arguments"
            raise ExpressionError(f"`{name}` takes {takes} {word}, and is given {len(node.args)}", example)
        for each, wanted in zip(node.args, function.takes, strict=False):
            self._wants(each, wanted)
        return function.gives

    def visit_Compare(self, node: ast.Compare) -> Type:
        for op, one, other in zip(node.ops, [node.left, *node.comparators], node.comparators, strict=False):
            left, right = self._of(one), self._of(other)
            if isinstance(op, ast.In | ast.NotIn):
                if right not in (Type.LIST, Type.TEXT, Type.OBJECT, Type.ANY):
                    raise ExpressionError(f"nothing is in a {right}", '`day in ["saturday", "sunday"]`')
            elif not may_be(left, right):
                raise _mismatch(one, left, other, right)
            _check_weekday(one, other)
            _check_weekday(other, one)
        return Type.TRUTH

    def visit_BoolOp(self, node: ast.BoolOp) -> Type:
        for each in node.values:
            self.visit(each)
        return Type.TRUTH

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Type:
        if isinstance(node.op, ast.Not):
            self.visit(node.operand)
            return Type.TRUTH
        return self._wants(node.operand, Type.NUMBER)

    def visit_BinOp(self, node: ast.BinOp) -> Type:
        if not isinstance(node.op, ast.Add):
            self._wants(node.left, Type.NUMBER)
            return self._wants(node.right, Type.NUMBER)
        one, other = self._of(node.left), self._of(node.right)
        added = (Type.NUMBER, Type.TEXT, Type.ANY)
        if not may_be(one, other) or one not in added or other not in added:
            raise _mismatch(node.left, one, node.right, other)
        return other if one is Type.ANY else one

    def visit_IfExp(self, node: ast.IfExp) -> Type:
        self.visit(node.test)
        return joined((self._of(node.body), self._of(node.orelse)))

    def visit_List(self, node: ast.List) -> Type:
        for each in node.elts:
            if (given := self._of(each)) in (Type.LIST, Type.OBJECT):
                raise ExpressionError(f"`{ast.unparse(each)}` is a {given}", "a list has texts, numbers and dates")
        return Type.LIST

    def visit_Attribute(self, node: ast.Attribute) -> Type:
        return self._part(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> Type:
        return self._part(node.value)

    def _of(self, node: ast.expr) -> Type:
        found = self.visit(node)
        assert isinstance(found, Type), f"{type(node).__name__} is parsed, and has no type"
        return found

    def _part(self, whole: ast.expr) -> Type:
        given = self._of(whole)
        if given not in (Type.ANY, Type.OBJECT, Type.LIST):
            what = ast.unparse(whole)
            raise ExpressionError(f"`{what}` is a {given}, and has no parts", f"`first({what}, 2)` of a text")
        return Type.ANY

    def _wants(self, node: ast.expr, wanted: Type) -> Type:
        given = self._of(node)
        if not may_be(given, wanted):
            what = ast.unparse(node)
            todo = f"`{wanted}({what})`" if wanted in (Type.NUMBER, Type.TEXT) else f"a {wanted}"
            raise ExpressionError(f"`{what}` is a {given}, where a {wanted} is needed", todo)
        return wanted if given is Type.ANY else given


def _mismatch(one: ast.expr, left: Type, other: ast.expr, right: Type) -> ExpressionError:
    first, second = ast.unparse(one), ast.unparse(other)
    why = f"`{first}` is a {left}, and `{second}` a {right}"
    text = first if left is Type.TEXT else second if right is Type.TEXT else ""
    if Type.DATE in (left, right) and text:
        return ExpressionError(why, f"`text({second if text == first else first})`, which is as 2026-12-24")
    number = Type.NUMBER in (left, right) and text.isidentifier()
    return ExpressionError(why, f"`number({text})`" if number else "values of one type")


def _check_weekday(day: ast.expr, compared: ast.expr) -> None:
    """Raises ExpressionError for `weekday(…) == "Monday"`, which would never hold."""
    if not (isinstance(day, ast.Call) and isinstance(day.func, ast.Name) and day.func.id == "weekday"):
        return
    for each in compared.elts if isinstance(compared, ast.List) else [compared]:
        if isinstance(each, ast.Constant) and each.value not in WEEKDAYS:
            raise ExpressionError(f"`weekday` is never `{ast.unparse(each)}`", '`"monday"` to `"sunday"`')
