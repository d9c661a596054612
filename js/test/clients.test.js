import assert from "node:assert/strict";
import test from "node:test";
import { Policy, PolicyError } from "holdoff";
import { preset, presetNames } from "holdoff/clients";

test("every preset loads under its name", () => {
  assert.ok(presetNames.length > 20);
  for (const name of presetNames) assert.equal(preset(name).name, name);
  assert.equal(preset("recommended"), Policy.recommended());
});

test("a client is named alone, by a range or by a version", () => {
  assert.equal(preset("openai-python").name, "openai-python@>=2.52.1");
  assert.equal(preset("openai-python@2.40.0").name, "openai-python@<=2.51");
  assert.equal(preset("openai-node"), preset("openai-node@7.57.0"));
});

test("what a client is known to do otherwise can be read", () => {
  const { client } = preset("openai-node@6").toJSON();
  assert.equal(client.package, "openai");
  assert.ok(Object.keys(client.known_differences).length > 0);
});

test("a name of none is an error that lists what there is", () => {
  assert.throws(
    () => preset("openai-python@2.52.0"),
    (thrown) => {
      assert.equal(
        thrown.message,
        "policy: `openai-python@2.52.0` is not a preset; " +
          "known are `openai-python@>=2.52.1`, `openai-python@<=2.51`",
      );
      return thrown instanceof PolicyError;
    },
  );
  assert.throws(() => preset("opanai"), /known are `recommended`, `tessera`, .*`openai-node`, /);
});
