import type { Invocation } from './command.ts';
import { asksForJson } from './output.ts';

/** Shows the progress of long work. */
export interface Progress {
  /** Shows `part`, a fraction of 1; `detail` is the same in units of the work. */
  show(part: number, detail: string): void;
  /** Ends the line of a bar. */
  end(): void;
}

export interface ProgressOptions {
  readonly isTerminal: boolean;
  readonly write: (text: string) => void;
}

const width = 30;

/** Draws a bar on a terminal, and prints a line for every tenth elsewhere, such as in a log. */
export function createProgress(title: string, { isTerminal, write }: ProgressOptions): Progress {
  let shown = -1;
  let length = 0;

  function bar(part: number, detail: string): void {
    const done = Math.round(part * width);
    const line = `${title} [${'#'.repeat(done)}${' '.repeat(width - done)}] ${Math.floor(part * 100)} %  ${detail}`;
    write(`\r${line.padEnd(length)}`);
    length = line.length;
  }

  return {
    show(part, detail) {
      const step = Math.floor(part * (isTerminal ? 200 : 10));
      if (step === shown) return;
      shown = step;
      if (isTerminal) bar(part, detail);
      else write(`${title} ${Math.floor(part * 100)} %  ${detail}\n`);
    },
    end() {
      if (isTerminal && length > 0) write('\n');
    },
  };
}

/** The same for a command that prints data: with `--json`, and without a terminal, lines go to standard error. */
export function createDataProgress(title: string, invocation: Invocation): Progress {
  if (invocation.isTerminal && !asksForJson(invocation)) return createProgress(title, invocation);
  return createProgress(title, { isTerminal: false, write: (text) => invocation.warn(text.trimEnd()) });
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Formats bytes as `1.5 GiB`. */
export function inUnits(bytes: number): string {
  const exponent = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** exponent).toFixed(exponent === 0 ? 0 : 1)} ${units[exponent] ?? 'B'}`;
}
