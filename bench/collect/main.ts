/**
 * Measures garbage collection and adoption: npm run bench:collect [-- --only NAME] [--size N] [--quick]
 *
 * - `events`: CPU of a server for 1,000 events in a registry of N blobs, against one with a hundredth of them.
 * - `decisions`: CPU, reads and writes of the decisions alone, in the same registries.
 * - `pushes`: clients push and pull while N blobs are deleted, against the same clients on an idle server.
 * - `steps`: how long single steps of background work hold the write lock or the event loop, beside N blobs.
 * - `peer`: collection and adoption of N images against `garbage-collect` of Debian's docker-registry, in a folder.
 * - `bucket`: the same over S3, with the number of requests.
 * - `memory`: memory of an adoption of N blobs, against one of a hundredth of them.
 */
import { parseArgs } from 'node:util';
import { markdown } from '../report.ts';
import { measureAdoptionMemory } from './adoption-memory.ts';
import { measureDecisions } from './decisions.ts';
import { measureEvents } from './events.ts';
import { measureBucket, measurePeer } from './peer.ts';
import { measurePushes } from './pushes.ts';
import { measureSteps } from './steps.ts';

type Table = readonly (readonly string[])[];

interface Measurement {
  /** Size, and size with `--quick`. */
  readonly sizes: readonly [full: number, quick: number];
  run(size: number): Promise<Table>;
}

const { values } = parseArgs({
  options: { only: { type: 'string' }, size: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const { quick } = values;
const registries = (large: number) => ({ small: large / 100, large, events: quick ? 200 : 1000 });

const measurements: Readonly<Record<string, Measurement>> = {
  events: { sizes: [1_000_000, 10_000], run: (size) => measureEvents(registries(size)) },
  decisions: { sizes: [1_000_000, 10_000], run: (size) => measureDecisions(registries(size)) },
  pushes: { sizes: [100_000, 500], run: (blobs) => measurePushes({ blobs, seconds: quick ? 2 : 30 }) },
  steps: { sizes: [1_000_000, 10_000], run: (blobs) => measureSteps({ blobs, unneeded: quick ? 2000 : 20_000 }) },
  peer: { sizes: [2000, 20], run: measurePeer },
  bucket: { sizes: [200, 10], run: measureBucket },
  memory: { sizes: [1_000_000, 10_000], run: measureAdoptionMemory },
};

for (const [name, { sizes, run }] of Object.entries(measurements)) {
  if (values.only !== undefined && values.only !== name) continue;
  process.stderr.write(`${name} …\n`);
  const size = values.size === undefined ? sizes[quick ? 1 : 0] : Number(values.size);
  process.stdout.write(`${markdown(await run(size))}\n\n`);
}
process.exit(0);
