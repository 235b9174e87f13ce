// Registry.sol through npm's solc, with the settings that forge tests with (foundry.toml).
"use strict";
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const ROOT = path.join(__dirname, "..");
const MAIN = "src/Registry.sol";

// foundry.toml holds the only copy of the compiler settings; [profile.default] is flat key = value.
function settings() {
    const toml = fs.readFileSync(path.join(ROOT, "foundry.toml"), "utf8");
    const section = toml.split(/^\[/m).find((s) => s.startsWith("profile.default]"));
    const get = (key) => {
        const m = section.match(new RegExp(`^${key} = "?([^"\\n]*)"?$`, "m"));
        if (!m) throw new Error(`foundry.toml: [profile.default] has no ${key}`);
        return m[1];
    };
    return {
        optimizer: { enabled: get("optimizer") === "true", runs: Number(get("optimizer_runs")) },
        viaIR: get("via_ir") === "true",
        evmVersion: get("evm_version"),
        metadata: { bytecodeHash: get("bytecode_hash"), appendCBOR: get("cbor_metadata") === "true" },
        remappings: ["@openzeppelin/=node_modules/@openzeppelin/"],
        outputSelection: {
            [MAIN]: {
                Registry: [
                    "abi",
                    "storageLayout",
                    "evm.bytecode.object",
                    "evm.deployedBytecode.object",
                    "evm.methodIdentifiers",
                ],
            },
            "*": { "": ["ast"] },
        },
    };
}

// {abi, storageLayout, evm} of Registry, and the syntax trees of all sources by file name.
function compileRegistry() {
    const read = (file) => fs.readFileSync(path.join(ROOT, file), "utf8");
    const input = {
        language: "Solidity",
        sources: { [MAIN]: { content: read(MAIN) } },
        settings: settings(),
    };
    const findImport = (file) => {
        try {
            return { contents: read(file) };
        } catch (e) {
            return { error: `${file} cannot be read (${e.code}); run 'npm ci' in contracts/` };
        }
    };
    const out = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
    if (out.errors && out.errors.length > 0) {
        throw new Error(out.errors.map((e) => e.formattedMessage).join("\n"));
    }
    const asts = {};
    for (const file of Object.keys(out.sources).sort()) asts[file] = out.sources[file].ast;
    return { ...out.contracts[MAIN].Registry, asts };
}

module.exports = { compileRegistry };
