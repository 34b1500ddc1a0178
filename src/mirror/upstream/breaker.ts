import { UpstreamError, type UpstreamErrorCode } from './upstream-error.ts';

/**
 * Keeps from asking an upstream that has just said no, or nothing. While it is open everything fails at once with what
 * the upstream said last; then one request tries, and the others wait no longer than that.
 */
export interface Breaker {
  /** Runs `work`, or rejects at once. */
  guard<Result>(work: () => Promise<Result>): Promise<Result>;
  readonly isOpen: boolean;
}

export interface BreakerOptions {
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** One failure may be chance. */
const failuresToOpen = 3;
const firstPauseSeconds = 1;
const longestPauseSeconds = 60;
/** How long a limit is believed that does not say its own length. */
const limitPauseSeconds = 60;
const longestLimitSeconds = 6 * 3600;

const outages: readonly UpstreamErrorCode[] = ['unreachable', 'timeout', 'failed'];

export function createBreaker({ now, random }: BreakerOptions): Breaker {
  let failures = 0;
  let openUntil = 0;
  let reason: UpstreamError | undefined;
  let isTrying = false;

  function pause(seconds: number, error: UpstreamError): void {
    // Spread, so that many mirrors do not come back in the same moment.
    openUntil = now() + seconds * 1000 * (1 + random() / 10);
    reason = error;
  }

  function heed(error: unknown): void {
    if (!(error instanceof UpstreamError) || error.code === 'busy') return;
    if (error.code === 'limited') pause(Math.min(error.retryAfterSeconds ?? limitPauseSeconds, longestLimitSeconds), error);
    else if (!outages.includes(error.code)) recover();
    else if (++failures >= failuresToOpen) {
      pause(Math.min(firstPauseSeconds * 2 ** (failures - failuresToOpen), longestPauseSeconds), error);
    }
  }

  function recover(): void {
    failures = 0;
    reason = undefined;
  }

  function refusal(): UpstreamError | undefined {
    if (!reason || (now() >= openUntil && !isTrying)) return undefined;
    const retryAfterSeconds = Math.max(1, (openUntil - now()) / 1000);
    return new UpstreamError(reason.code, reason.message, { cause: reason, retryAfterSeconds });
  }

  return {
    get isOpen() {
      return refusal() !== undefined;
    },
    async guard(work) {
      const refused = refusal();
      if (refused) throw refused;
      const isTrial = reason !== undefined;
      if (isTrial) isTrying = true;
      try {
        const result = await work();
        recover();
        return result;
      } catch (error) {
        heed(error);
        throw error;
      } finally {
        if (isTrial) isTrying = false;
      }
    },
  };
}
