"""Schemas recovered from bindings: what a real provider publishes, piece by piece."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "terraform-schemas"))

from recover import UnresolvedError, recover

BINDING = """
function thingRuleToHclTerraform(struct) {
    const attrs = {
        ports: {
            value: cdktn.listMapperHcl(cdktn.stringToHclTerraform, false)(struct.ports),
            isBlock: false,
            type: "set",
            storageClassType: "stringList",
        },
    };
}
class ThingRuleOutputReference extends cdktn.ComplexObject {
    // ports - computed: false, optional: true, required: false
    get ports() {
        return cdktn.Fn.tolist(this.getListAttribute('ports'));
    }
}
class ThingRuleList extends cdktn.ComplexList {
    get(index) {
        return new ThingRuleOutputReference(this.terraformResource, this.terraformAttribute, index, this.wrapsSet);
    }
}
class Thing extends cdktn.TerraformResource {
    static tfResourceType = "cloud_thing";
    // name - computed: false, optional: false, required: true
    get name() {
        return this.getStringAttribute('name');
    }
    // secret - computed: false, optional: true, required: false
    get secret() {
        return this.getStringAttribute('secret');
    }
    // endpoints - computed: true, optional: false, required: false
    _endpoints = new cdktn.StringMap(this, "endpoints");
    // rule - computed: false, optional: false, required: true
    _rule = new ThingRuleList(this, "rule", true);
    // =========
    synthesizeHclAttributes() {
        const attrs = {
            name: {
                value: cdktn.stringToHclTerraform(this._name),
                isBlock: false,
                type: "simple",
                storageClassType: "string",
            },
            secret: {
                value: cdktn.markWriteOnlyAttribute(cdktn.stringToHclTerraform(this._secret)),
                isBlock: false,
                type: "simple",
                storageClassType: "string",
            },
            rule: {
                value: cdktn.listMapperHcl(thingRuleToHclTerraform, true)(this._rule.internalValue),
                isBlock: true,
                type: "set",
                storageClassType: "ThingRuleList",
            },
        };
    }
}
"""


def recovered(folder: Path, text: str) -> dict[str, object]:
    (folder / "thing").mkdir()
    (folder / "thing" / "index.js").write_text(text)
    return recover(folder)["resources"]["cloud_thing"]


def test_flags_types_and_blocks_are_recovered(tmp_path: Path) -> None:
    assert recovered(tmp_path, BINDING) == {
        "attributes": {
            "name": {"type": "string", "required": True},
            "secret": {"type": "string", "optional": True, "write_only": True},
            "endpoints": {"type": ["map", "string"], "computed": True},
        },
        "block_types": {
            "rule": {
                "nesting_mode": "set",
                "min_items": 1,
                "block": {"attributes": {"ports": {"type": ["set", "string"], "optional": True}}, "block_types": {}},
            }
        },
    }


def test_a_type_that_is_nowhere_is_an_error_and_no_guess(tmp_path: Path) -> None:
    with pytest.raises(UnresolvedError, match="endpoints"):
        recovered(tmp_path, BINDING.replace("new cdktn.StringMap(this", "new cdktn.Riddle(this"))
