import { text } from 'node:stream/consumers';
import { runCommandLine } from './cli/command-line.ts';

/** Resolves to the first SIGTERM or SIGINT; a second one ends the process at once. */
function onSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve(signal);
      });
    }
  });
}

// A command that nothing waits for any more has failed.
process.exitCode = 1;
// No top-level `await`: the single executable is one CommonJS module.
void runCommandLine(process.argv.slice(2), {
  environment: process.env,
  isTerminal: process.stdout.isTTY,
  write: (output) => void process.stdout.write(output),
  writeError: (output) => void process.stderr.write(output),
  readInput: () => text(process.stdin),
  setUmask: (mask) => void process.umask(mask),
  onSignal,
  onReload(listener) {
    if (!process.stdout.isTTY) process.on('SIGHUP', listener);
  },
}).then((code) => process.exit(code));
