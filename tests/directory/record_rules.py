"""The rules of a partner's record, for whoever checks them."""

from typing import Any

INVERSE = {
    "parent": "child",
    "child": "parent",
    "related": "related",
    "predecessor": "successor",
    "successor": "predecessor",
}


def check_alone(record: Any) -> None:
    """What a record must be by itself."""
    names = record["names"]
    assert sum("display" in name["kinds"] for name in names) == 1
    assert len({(name["value"], name["lang"]) for name in names}) == len(names)
    points = [point["id"] for point in record["contact_points"]]
    assert len(set(points)) == len(points)
    ties = [(tie["kind"], tie["partner_id"]) for tie in record["relationships"]]
    assert len(set(ties)) == len(ties), "a relationship twice"
    assert record["id"] not in {partner_id for _, partner_id in ties}, "related to itself"
    disputed = record["assurance"]["status"] == "disputed" and record["status"] != "withdrawn"
    assert disputed == ("disputed" in record["flags"])


def check_ties(record: Any, there: dict[str, Any]) -> None:
    """What its relationships must be; `there` has all that are not withdrawn, by their ids."""
    for tie in record["relationships"]:
        other = there[tie["partner_id"]]
        back = {(one["kind"], one["partner_id"]) for one in other["relationships"]}
        assert (INVERSE[tie["kind"]], record["id"]) in back, "one side only"
        display = next(name["value"] for name in other["names"] if "display" in name["kinds"])
        assert tie["name"] == display, "a name of before"
    above, todo = set[str](), [record["id"]]
    while todo:
        parents = {
            tie["partner_id"]
            for tie in there[todo.pop()]["relationships"]
            if tie["kind"] == "parent"
        }
        assert record["id"] not in parents, "its own parent over some steps"
        todo += parents - above
        above |= parents
