import { UpstreamError } from '../../upstream/upstream-error.ts';
import { createLru } from '../../coordination/lru.ts';
import { isRecent } from '../../coordination/recent.ts';

/** Content that upstreams do not have: their 404 is remembered for a while. */
export interface NegativeCache {
  /** Throws `not_found` if the upstream has recently answered 404. */
  check(key: string): void;
  /** Runs `work`, and remembers a `not_found` for `seconds`. Nothing else is remembered. */
  remember<Result>(key: string, seconds: number, work: () => Promise<Result>): Promise<Result>;
  /** Forgets everything. */
  clear(): void;
}

const maxAbsences = 20_000;

export function createNegativeCache(now: () => number): NegativeCache {
  const absences = createLru<{ readonly at: number; readonly milliseconds: number }>(maxAbsences);
  return {
    check(key) {
      const absence = absences.get(key);
      if (!absence) return;
      if (isRecent(absence.at, absence.milliseconds, now()))
        throw new UpstreamError('not_found', 'the upstream answered 404 a short while ago');
      absences.delete(key);
    },
    clear: () => absences.clear(),
    async remember(key, seconds, work) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof UpstreamError && error.code === 'not_found')
          absences.set(key, { at: now(), milliseconds: seconds * 1000 });
        throw error;
      }
    },
  };
}
