import { setTimeout as delay } from 'node:timers/promises';
import { UpstreamError, type UpstreamErrorCode } from '../../upstream/upstream-error.ts';

/** Bounds how long clients wait for an upstream where there is cached content to serve instead. */
export interface UpstreamWaits {
  /**
   * Resolves to `result`, or to undefined where it takes longer than the wait: the work goes on for later requests. While
   * an upstream keeps a request waiting, further requests to it do not wait at all. `work`: the requests to the upstream
   * behind `result`, whose failures show whether the upstream answers.
   */
  within<Result>(upstream: string, result: Promise<Result>, work?: Promise<unknown>): Promise<Result | undefined>;
}

/** Resolves after `seconds`; rejects when `signal` is aborted. */
export type Pause = (seconds: number, signal: AbortSignal) => Promise<unknown>;

const realPause: Pause = (seconds, signal) => delay(seconds * 1000, undefined, { signal });

/** `pause`: tests pass their own. */
export function createUpstreamWaits(seconds: number, pause = realPause): UpstreamWaits {
  /** Upstreams that have let a request wait too long and have not answered one since. */
  const silent = new Set<string>();

  return {
    within(upstream, result, work = result) {
      const answered = () => void silent.delete(upstream);
      work.then(answered, (error: unknown) => {
        if (isAnswer(error)) answered();
      });
      if (silent.has(upstream)) {
        result.catch(() => undefined);
        return Promise.resolve(undefined);
      }
      const ended = new AbortController();
      const overdue = pause(seconds, ended.signal).then(
        () => void silent.add(upstream),
        () => undefined,
      );
      return Promise.race([result, overdue]).finally(() => ended.abort());
    },
  };
}

/** Failures of an upstream that has not answered. */
const silences: readonly UpstreamErrorCode[] = ['unreachable', 'timeout', 'busy'];

/** True if the failure is one that the upstream itself has stated. */
function isAnswer(error: unknown): boolean {
  return error instanceof UpstreamError && !silences.includes(error.code);
}
