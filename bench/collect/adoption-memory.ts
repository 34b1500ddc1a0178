import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { blobKey } from '../../storage/blobs/layout.ts';
import { layerLink } from '../../storage/blobs/distribution-links.ts';
import { digestOf } from '../../test/support/images.ts';
import { type CommandCost, measureCommand } from './command.ts';

const program = resolve(import.meta.dirname, '../../bin/berth');
const repositories = 100;
const filesAtOnce = 100;

/** Returns a table with the largest memory of adoptions of stores of two sizes, with berth's own options of Node.js. */
export async function measureAdoptionMemory(large: number): Promise<readonly (readonly string[])[]> {
  const small = large / 100;
  const [one, other] = [await measureAdoption(small), await measureAdoption(large)];
  const row = (title: string, digits: number, of: (cost: CommandCost) => number) => [
    title,
    of(one).toFixed(digits),
    of(other).toFixed(digits),
    (of(other) / of(one)).toFixed(2),
  ];
  return [
    ['adoption of layers, each with a link', `${small} layers`, `${large} layers`, 'ratio'],
    row('largest resident memory, MiB', 0, ({ peakBytes }) => peakBytes / 1024 / 1024),
    row('CPU, s', 1, ({ cpuSeconds }) => cpuSeconds),
  ];
}

async function measureAdoption(layers: number): Promise<CommandCost> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-adoption-'));
  try {
    for (let from = 0; from < layers; from += filesAtOnce)
      await Promise.all(
        Array.from({ length: Math.min(filesAtOnce, layers - from) }, (_, index) => addLayer(directory, from + index)),
      );
    return await measureCommand(program, ['adopt'], { BERTH_STORAGE_BLOBS_DIRECTORY: directory });
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function addLayer(directory: string, number: number): Promise<void> {
  const text = String(number);
  const digest = digestOf(text);
  await write(join(directory, blobKey(digest)), text);
  await write(join(directory, layerLink(`bench/app${number % repositories}`, digest)), digest);
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
