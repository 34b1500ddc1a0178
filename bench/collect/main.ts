/**
 * Measures garbage collection: npm run bench:collect [-- --only TEXT] [--quick]
 *
 * - `events`: CPU of deciding 1,000 changes in a small and in a large registry.
 * - `pushes`: clients push and pull while blobs are deleted, against the same clients on an idle server.
 * - `steps`: how long single steps of background work hold the write lock or the event loop.
 * - `peer`: wall time from the decision to the last deletion, against `garbage-collect` of Debian's docker-registry.
 */
import { parseArgs } from 'node:util';
import { markdown } from '../report.ts';
import { measureEvents } from './events.ts';
import { measurePeer } from './peer.ts';
import { measurePushes } from './pushes.ts';
import { measureSteps } from './steps.ts';

const { values } = parseArgs({ options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } } });

/** Sizes of the measurements. */
const scale = values.quick
  ? {
      events: { small: 1000, large: 10_000, events: 200 },
      pushes: { blobs: 500, seconds: 2 },
      steps: { blobs: 10_000, unneeded: 2000 },
      peer: { images: 20 },
    }
  : {
      events: { small: 10_000, large: 1_000_000, events: 1000 },
      pushes: { blobs: 100_000, seconds: 30 },
      steps: { blobs: 1_000_000, unneeded: 20_000 },
      peer: { images: 2000 },
    };

const measurements: Readonly<Record<string, () => Promise<readonly (readonly string[])[]>>> = {
  events: () => measureEvents(scale.events),
  pushes: () => measurePushes(scale.pushes),
  steps: () => measureSteps(scale.steps),
  peer: () => measurePeer(scale.peer),
};

for (const [name, measure] of Object.entries(measurements)) {
  if (values.only !== undefined && !name.includes(values.only)) continue;
  process.stderr.write(`${name} …\n`);
  process.stdout.write(`${markdown(await measure())}\n\n`);
}
process.exit(0);
