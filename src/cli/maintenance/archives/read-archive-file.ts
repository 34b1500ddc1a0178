import { createReadStream } from 'node:fs';
import { type Invocation, CommandError } from '../../program/command.ts';
import { createProgress, inUnits } from '../../program/progress.ts';

/**
 * Yields the bytes of the file and shows how many were read. Throws `CommandError` after a signal: what was stored is
 * dropped.
 */
export async function* readFileBytes(invocation: Invocation, file: string, size: number): AsyncGenerator<Uint8Array> {
  const { isTerminal, write, options, onSignal } = invocation;
  const bar = createProgress(file, { isTerminal, write: options['json'] === true ? () => undefined : write });
  let signal: string | undefined;
  void onSignal().then((name) => (signal = name));
  let read = 0;
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
      if (signal !== undefined) throw new CommandError(`${signal}: stopped; nothing of ${file} was imported`);
      read += chunk.length;
      if (size > 0) bar.show(read / size, `${inUnits(read)} of ${inUnits(size)}`);
      yield chunk;
    }
  } finally {
    bar.end();
  }
}
