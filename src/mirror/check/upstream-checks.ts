import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { OciError } from '../../oci/errors.ts';
import { UpstreamError, type UpstreamErrorCode, reasonOf } from '../../upstream/upstream-error.ts';

/** Tests of the way from this server to its upstreams. */
export interface UpstreamChecks {
  /**
   * Sends one small request to an upstream of the configuration, which counts as no pull. Throws NAME_UNKNOWN for every other
   * name, and TOOMANYREQUESTS after six tests of an upstream in a minute, over all visitors and processes.
   */
  run(upstream: string): Promise<UpstreamCheck>;
}

export interface UpstreamCheck {
  readonly upstream: string;
  /** `ok`: it answers, and has not refused a login of berth. */
  readonly result: 'ok' | UpstreamErrorCode;
  /** Time until the answer or the failure. */
  readonly milliseconds: number;
  /** What failed, with addresses: for admins only. '' after an answer. */
  readonly detail: string;
}

export interface UpstreamChecksOptions {
  readonly metadata: Pick<MetadataStore, 'rateWindows'>;
  /** Returns the names of the configured upstreams. */
  readonly upstreams: () => readonly string[];
  readonly mirror: {
    /** Rejects `UpstreamError`. */
    probe(upstream: string): Promise<void>;
    state(): { readonly refusedLogins: readonly { readonly upstream: string; readonly count: number }[] };
  };
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const maxTests = 6;
const windowMs = 60_000;

export function createUpstreamChecks({ metadata, upstreams, mirror, now }: UpstreamChecksOptions): UpstreamChecks {
  async function countTest(upstream: string): Promise<void> {
    const request = { name: `test of ${upstream}`, limit: maxTests, endsAt: now() + windowMs, wanted: 1 };
    const [share] = await metadata.rateWindows.take([request], now());
    if (share && share.granted > 0) return;
    const retryAfterSeconds = Math.max(1, Math.ceil(((share?.endsAt ?? now()) - now()) / 1000));
    const message = `${upstream} was tested ${maxTests} times within a minute: try again in ${retryAfterSeconds} seconds`;
    throw new OciError('TOOMANYREQUESTS', { message, retryAfterSeconds });
  }

  /** A public repository is read without a login where the login is refused, so that only the state shows it. */
  function resultOf(upstream: string): UpstreamCheck['result'] {
    return mirror.state().refusedLogins.some((one) => one.upstream === upstream && one.count > 0) ? 'login_refused' : 'ok';
  }

  return {
    async run(upstream) {
      if (!upstreams().includes(upstream)) throw new OciError('NAME_UNKNOWN', { message: `${upstream} is not mirrored here` });
      await countTest(upstream);
      const begun = now();
      try {
        await mirror.probe(upstream);
        return { upstream, result: resultOf(upstream), milliseconds: now() - begun, detail: '' };
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        return { upstream, result: error.code, milliseconds: now() - begun, detail: reasonOf(error) };
      }
    },
  };
}
