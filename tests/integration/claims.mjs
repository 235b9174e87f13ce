// Claims of an integration test: counted, printed one a line, and summed up as "N passed, N failed".
import { options, runStages } from "../testbed/stage.mjs";

export class Claims {
  constructor() {
    this.passed = 0;
    this.failed = 0;
  }

  that(claim, holds, seen) {
    if (holds) {
      this.passed++;
      console.log(`ok ${claim}`);
    } else {
      this.failed++;
      console.log(`FAIL ${claim}${seen === undefined ? "" : `: ${typeof seen === "string" ? seen : JSON.stringify(seen)}`}`);
    }
  }

  // What a program that refuses must do: this exit code, one sentence on standard error that says so.
  refuses(claim, program, code, sentence) {
    const words = program.text().split("\n").filter((line) => /^(chainturn|wm-server|wm-admin|turnserver|.*error):? /i.test(line));
    this.that(`${claim}: exit code ${code}`, program.code === code, `${program.code}; ${program.text().slice(-600)}`);
    this.that(`${claim}: one clear sentence`, words.some((line) => sentence.test(line)), program.text().slice(-600));
  }
}

// Runs work(stage, claims) with the network up and leaves with the verdict.
export function test(work) {
  const opt = options(process.argv.slice(2), ["build"]);
  return runStages({ build: opt.build ?? "build/dev", quiet: true }, async (stage) => {
    const claims = new Claims();
    try {
      await work(stage, claims);
    } catch (error) {
      claims.failed++;
      throw error;
    } finally {
      console.log(`${claims.passed} passed, ${claims.failed} failed`);
    }
    return claims.failed ? 1 : 0;
  });
}
