import sequencer from '@jest/test-sequencer';

/** The files that take longest, for runs without recorded durations: one that starts last would run alone. */
const longest = [
  'client/dockerfile',
  'contract/s3',
  'contract/s3-driver',
  'fault/s3',
  'fault/s3-memory',
  'fault/kill-restart',
  'feature/replicas',
  'feature/mirror/workers',
  'fault/postgres-restart',
  'contract/postgres',
  'fault/kill-points',
  'feature/workers',
  'feature/mirror/fills',
  'feature/bench',
  'client/docker',
  'client/browser',
].map((name) => `/test/${name}.test.ts`);

/** Starts the longest files first, and the others in Jest's own order. */
export default class LongestFirst extends sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const index = longest.findIndex((name) => path.endsWith(name));
      return index === -1 ? longest.length : index;
    };
    return [...super.sort(tests)].sort((one, other) => rank(one) - rank(other));
  }
}
