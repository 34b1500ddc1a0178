import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientBandwidths } from '../../limits/client-bandwidths.ts';
import { networkOf } from '../../coordination/network.ts';
import type { CountedLimit, LimitName, LimitedClient, RequestLimits } from '../../limits/request-limits.ts';
import { OciError } from '../../oci/errors.ts';
import { hasBody } from '../transfer/body.ts';
import { setPace } from '../transfer/pace.ts';
import type { PublicUrl } from './public-url.ts';

/** The account of a request; anonymous: `id` and `name` are ''. */
export interface LimitedAccount {
  readonly id: string;
  readonly name: string;
}

export interface CountRequest {
  readonly account: LimitedAccount;
  readonly counted: readonly LimitName[];
  /** Limits whose state is shown to the client without counting this request. */
  readonly shown?: readonly LimitName[];
}

/** Counts requests for the limits of their clients, and tells the clients. */
export interface RateLimits {
  /** False if neither rates nor bandwidths are configured: then no request has to be counted or paced. */
  readonly isLimited: boolean;
  /**
   * Counts the request and calls `setHeader` with the state of the limits. Throws TOOMANYREQUESTS with `Retry-After` if one of
   * them is used up.
   */
  count(request: IncomingMessage, what: CountRequest, setHeader: (name: string, value: string) => void): Promise<void>;
  /** Limits the bandwidth of the bodies of the request and its response. */
  pace(request: IncomingMessage, response: ServerResponse, account: LimitedAccount): void;
}

/** The account of requests whose client is not known, or has no login. */
export const noAccount: LimitedAccount = { id: '', name: '' };

export interface RateLimitsOptions {
  readonly limits: Pick<RequestLimits, 'admit' | 'isLimited'>;
  readonly bandwidths: Pick<ClientBandwidths, 'of' | 'isLimited'>;
  readonly publicUrl: PublicUrl;
  /** Whether clients can log in: then a limit of an address tells them to. */
  readonly hasLogins: boolean;
}

export function createRateLimits({ limits, bandwidths, publicUrl, hasLogins }: RateLimitsOptions): RateLimits {
  return {
    get isLimited() {
      return limits.isLimited || bandwidths.isLimited;
    },

    async count(request, { account, counted, shown }, setHeader) {
      if (!limits.isLimited) return;
      const client: LimitedClient = { ...account, address: publicUrl.clientAddress(request) };
      const states = await limits.admit(client, counted, shown);
      for (const [name, value] of headersOf(states)) setHeader(name, value);
      const last = states.at(-1);
      if (last?.isAllowed === false) throw tooMany(last, client, hasLogins);
    },

    pace(request, response, { id }) {
      const key = () => (id === '' ? `address:${networkOf(publicUrl.clientAddress(request))}` : id);
      const download = bandwidths.of(key, 'download');
      if (download) setPace(response, download);
      const upload = hasBody(request) ? bandwidths.of(key, 'upload') : undefined;
      if (upload) setPace(request, upload);
    },
  };
}

/** Counts a login or a request for a token, before the password is checked. Throws TOOMANYREQUESTS. */
export function countLogin(limits: RateLimits, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const what = { account: noAccount, counted: ['logins'] } as const;
  return limits.count(request, what, (name, value) => void response.setHeader(name, value));
}

/**
 * Returns the headers of draft-ietf-httpapi-ratelimit-headers, and for pulls those of Docker Hub: tools that watch the limit of
 * a registry read these.
 */
function headersOf(states: readonly CountedLimit[]): readonly (readonly [name: string, value: string])[] {
  if (states.length === 0) return [];
  const policies = states.map(({ limit, rate }) => `"${limit}";q=${rate.count};w=${rate.seconds}`);
  const quotas = states.map(({ limit, remaining, resetSeconds }) => `"${limit}";r=${remaining};t=${resetSeconds}`);
  const headers: (readonly [string, string])[] = [
    ['RateLimit-Policy', policies.join(', ')],
    ['RateLimit', quotas.join(', ')],
  ];
  const pulls = states.find(({ limit }) => limit === 'pulls');
  if (pulls) {
    const window = `;w=${pulls.rate.seconds}`;
    headers.push(['RateLimit-Limit', `${pulls.rate.count}${window}`], ['RateLimit-Remaining', `${pulls.remaining}${window}`]);
    headers.push(['Docker-RateLimit-Source', pulls.source]);
  }
  return headers;
}

const nouns: Readonly<Record<LimitName, string>> = {
  pulls: 'pulls (GETs of manifests)',
  pushes: 'pushes (PUTs of manifests)',
  requests: 'requests',
  logins: 'logins and requests for tokens',
};

function tooMany({ limit, rate, source, resetSeconds }: CountedLimit, { id }: LimitedClient, hasLogins: boolean): OciError {
  const whose = id === '' ? `the address ${source}` : `the account ${source}`;
  const hint = hasLogins && id === '' && limit === 'pulls' ? ', or log in' : '';
  return new OciError('TOOMANYREQUESTS', {
    message: `${whose} has made ${rate.count} ${nouns[limit]} within ${rate.seconds} seconds: wait ${resetSeconds} seconds${hint}`,
    retryAfterSeconds: resetSeconds,
  });
}
