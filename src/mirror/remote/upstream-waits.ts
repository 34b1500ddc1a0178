import { UpstreamError } from '../upstream/upstream-error.ts';

/** Bounds how long clients wait for an upstream where there is cached content to serve instead. */
export interface UpstreamWaits {
  /**
   * Resolves to the result of `work`, or to undefined where it takes longer than the wait: `work` goes on for later
   * requests. While an upstream keeps a request waiting, further requests to it do not wait at all.
   */
  within<Result>(upstream: string, work: Promise<Result>): Promise<Result | undefined>;
}

export interface UpstreamWaitsOptions {
  /** Rejects or resolves when the wait is over, or when `signal` is aborted. */
  readonly pause: (signal: AbortSignal) => Promise<unknown>;
}

export function createUpstreamWaits({ pause }: UpstreamWaitsOptions): UpstreamWaits {
  /** Upstreams that have let a request wait too long and have not answered one since. */
  const silent = new Set<string>();

  return {
    within(upstream, work) {
      const answered = () => void silent.delete(upstream);
      work.then(answered, (error: unknown) => {
        if (isAnswer(error)) answered();
      });
      if (silent.has(upstream)) return Promise.resolve(undefined);
      const ended = new AbortController();
      const overdue = pause(ended.signal).then(
        () => void silent.add(upstream),
        () => undefined,
      );
      return Promise.race([work, overdue]).finally(() => ended.abort());
    },
  };
}

/** True if the failure is one that the upstream itself has stated. */
function isAnswer(error: unknown): boolean {
  return error instanceof UpstreamError && ['not_found', 'denied', 'limited', 'bad_content'].includes(error.code);
}
