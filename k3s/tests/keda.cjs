// Reads KEDA's objects from stdin as JSON, and prints what is wrong with them as JSON.
const models = require("@kubernetes-models/keda/keda.sh/v1alpha1");

const complaints = [];
for (const object of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
  try {
    new models[object.kind](object).validate();
  } catch (error) {
    complaints.push(`${object.kind} ${object.metadata.name}: ${error.message}`);
  }
}
console.log(JSON.stringify(complaints));
