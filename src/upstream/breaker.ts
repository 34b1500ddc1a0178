import { pauseAfter } from '../../storage/back-off.ts';
import { UpstreamError, type UpstreamErrorCode } from './upstream-error.ts';
import { isRecent } from '../coordination/recent.ts';

/**
 * Stops requests that would most likely fail. While it is open every request is refused at once with the last error;
 * then one request tries, and the others are refused until that one has ended.
 */
export interface Breaker {
  /**
   * Runs `work`, or rejects at once with `refusal`. `source`: failures in a row of the same source count once, so that a
   * single source never opens it.
   */
  guard<Result>(work: () => Promise<Result>, source?: string): Promise<Result>;
  /** The error that a request would be refused with now; undefined where it would run. */
  refusal(): UpstreamError | undefined;
  readonly isOpen: boolean;
}

export interface BreakerOptions {
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Errors that open it; default: those of an upstream that is away or fails. */
  readonly opensAt?: readonly UpstreamErrorCode[];
}

/** One failure may be chance. */
const failuresToOpen = 3;
/** Seconds until the next trial. */
const pauses = { first: 1, longest: 60 };
/** How long a limit is believed that does not say its own length. */
const limitPauseSeconds = 60;
const longestLimitSeconds = 6 * 3600;

const outages: readonly UpstreamErrorCode[] = ['unreachable', 'timeout', 'failed', 'unavailable'];
/** Errors that do not show that the upstream works again. */
const inconclusive: readonly UpstreamErrorCode[] = ['unreachable', 'timeout', 'limited', 'busy'];

/** An upstream that refuses a request as such works. */
function isAnswer({ code, status = 0 }: UpstreamError): boolean {
  return code === 'failed' && ((status >= 400 && status < 500) || status === 501);
}

export function createBreaker({ now, random, opensAt = outages }: BreakerOptions): Breaker {
  let failures = 0;
  let openedAt = 0;
  let openUntil = 0;
  let reason: UpstreamError | undefined;
  let isTrying = false;
  let lastSource: string | undefined;

  function pause(seconds: number, error: UpstreamError): void {
    // Spread, so that many mirrors do not send their trial at the same moment.
    openedAt = now();
    openUntil = openedAt + seconds * 1000 * (1 + random() / 10);
    reason = error;
  }

  function heed(error: unknown, source: string | undefined): void {
    if (!(error instanceof UpstreamError)) return;
    if (!opensAt.includes(error.code) || isAnswer(error)) {
      if (!inconclusive.includes(error.code)) recover();
    } else if (error.code === 'limited') {
      pause(Math.min(error.retryAfterSeconds ?? limitPauseSeconds, longestLimitSeconds), error);
    } else if (isCounted(source) && ++failures >= failuresToOpen) {
      pause(pauseAfter(failures - failuresToOpen + 1, pauses), error);
    }
  }

  function isCounted(source: string | undefined): boolean {
    const isRepeated = source !== undefined && source === lastSource && failures < failuresToOpen;
    lastSource = source;
    return !isRepeated;
  }

  function recover(): void {
    failures = 0;
    lastSource = undefined;
    reason = undefined;
  }

  function refusal(): UpstreamError | undefined {
    const isPausing = isRecent(openedAt, openUntil - openedAt, now());
    if (!reason || (!isPausing && !isTrying)) return undefined;
    const retryAfterSeconds = Math.max(1, (openUntil - now()) / 1000);
    return new UpstreamError(reason.code, reason.message, { cause: reason, retryAfterSeconds });
  }

  return {
    refusal,
    get isOpen() {
      return refusal() !== undefined;
    },
    async guard(work, source) {
      const refused = refusal();
      if (refused) throw refused;
      const isTrial = reason !== undefined;
      if (isTrial) isTrying = true;
      try {
        const result = await work();
        recover();
        return result;
      } catch (error) {
        heed(error, source);
        throw error;
      } finally {
        if (isTrial) isTrying = false;
      }
    },
  };
}
