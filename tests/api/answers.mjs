// Holds answers of the wallet manager against openapi.json: which operation it was, and whether status, type and body fit.
import fs from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";

export class Description {
  constructor(doc) {
    this.doc = doc;
    // 32-bit and larger integers are plain numbers here; formats are patterns
    this.ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
    this.ajv.addVocabulary(["openapi", "info", "servers", "tags", "paths", "components"]);
    this.ajv.addSchema(doc, "openapi");
    this.compiled = new Map();
    this.seen = new Set();
  }

  static read(file) {
    return new Description(JSON.parse(fs.readFileSync(file, "utf8")));
  }

  // The paths of the file, the plain ones before those with a name in them.
  pathOf(path) {
    const names = Object.keys(this.doc.paths).sort((a, b) => a.includes("{") - b.includes("{"));
    return names.find((name) => new RegExp(`^${name.replaceAll(".", "\\.").replace(/\{[^}]*\}/g, "[^/]+")}$`).test(path));
  }

  validator(pointer) {
    if (!this.compiled.has(pointer)) this.compiled.set(pointer, this.ajv.compile({ $ref: `openapi#${pointer}` }));
    return this.compiled.get(pointer);
  }

  pointer(...parts) {
    return "/" + parts.map((part) => String(part).replaceAll("~", "~0").replaceAll("/", "~1")).join("/");
  }

  // What is wrong with this answer; [] when all is well.
  faults({ method, path, status, type, body }) {
    const name = this.pathOf(path);
    const operation = name && this.doc.paths[name][method.toLowerCase()];
    const problem = ["components", "responses", "Problem"];
    if (!operation) return [404, 405, 401, 403, 429].includes(status) ? this.bodyFaults(problem, type, body) : [`${status} to a route that is not described`];
    const keys = [String(status), `${String(status)[0]}XX`];
    const key = keys.find((k) => operation.responses[k]);
    if (!key) return [`${status} is not described for ${method} ${name}`];
    this.seen.add(`${method} ${name} ${key}`);
    const at = operation.responses[key].$ref ? problem : ["paths", name, method.toLowerCase(), "responses", key];
    return this.bodyFaults(at, type, body);
  }

  bodyFaults(at, type, body) {
    const content = at.reduce((node, part) => node[part], this.doc).content;
    if (!content[type]) return [`the type is ${type}, not ${Object.keys(content).join(" or ")}`];
    const validate = this.validator(this.pointer(...at, "content", type, "schema"));
    return validate(body) ? [] : validate.errors.map((e) => `${e.instancePath || "the body"} ${e.message}`);
  }

  // Is the request's body one that the file allows?
  requestFaults({ method, path, body }) {
    const name = this.pathOf(path);
    const at = ["paths", name, method.toLowerCase(), "requestBody", "content", "application/json", "schema"];
    const validate = this.validator(this.pointer(...at));
    return validate(body) ? [] : validate.errors.map((e) => `${e.instancePath || "the body"} ${e.message}`);
  }
}
