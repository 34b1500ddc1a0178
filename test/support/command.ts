import { runCommandLine } from '../../src/cli/command-line.ts';

/** The output of a command, and its exit code. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a berth command in this process, as `src/main.ts` would in its own. No signal ever reaches it. */
export async function runCommand(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  input = '',
): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const code = await runCommandLine(words, {
    environment,
    isTerminal: false,
    write: (text) => void (stdout += text),
    writeError: (text) => void (stderr += text),
    readInput: () => Promise.resolve(input),
    setUmask: () => undefined,
    onSignal: () => new Promise(() => undefined),
    onReload: () => undefined,
  });
  return { code, stdout, stderr };
}
