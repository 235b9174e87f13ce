// A private test chain for one script: anvil on a free loopback port, ended by its own pid.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ARCH = { x64: "amd64", arm64: "arm64" }[process.arch];
const BINARY = fileURLToPath(
    new URL(`../node_modules/@foundry-rs/anvil-linux-${ARCH}/bin/anvil`, import.meta.url)
);

// Resolves to {rpc(method, params), stop()}; anvil itself picks the port and prints it.
export async function startAnvil() {
    if (!existsSync(BINARY)) {
        throw new Error(`${BINARY} is not there; run './run setup', or 'npm ci' in contracts/`);
    }
    const child = spawn(BINARY, ["--host", "127.0.0.1", "--port", "0", "--accounts", "4"], {
        stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    process.once("exit", () => child.kill("SIGKILL"));
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
    const url = await listening(child, 20_000);
    let id = 0;
    const rpc = async (method, params = []) => {
        const answer = await fetch(url, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params }),
        });
        const { result, error } = await answer.json();
        if (error) throw new Error(`${method}: ${error.message}`);
        return result;
    };
    const stop = async () => {
        child.kill("SIGTERM");
        await ended;
    };
    return { rpc, stop };
}

function listening(child, limitMs) {
    return new Promise((resolve, reject) => {
        let text = "";
        const limit = setTimeout(() => reject(new Error("anvil did not start in time")), limitMs);
        child.once("error", reject);
        child.once("exit", (code) => reject(new Error(`anvil ended with ${code}: ${text}`)));
        child.stdout.on("data", (chunk) => {
            text = (text + chunk).slice(-4000);
            const m = text.match(/Listening on (127\.0\.0\.1:\d+)/);
            if (m) {
                clearTimeout(limit);
                resolve(`http://${m[1]}`);
            }
        });
    });
}
