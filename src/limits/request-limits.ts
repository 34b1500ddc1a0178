import { networkOf } from '../coordination/network.ts';
import type { Rate, RateLimiter, RateState } from './rate-limiter.ts';

/** What a limit counts: GETs of manifests, PUTs of manifests, all requests of the protocol and the API, logins. */
export type LimitName = 'pulls' | 'pushes' | 'requests' | 'logins';

/** The limits of one kind; undefined: none. */
export interface RatesOfClient {
  readonly perAccount?: Rate | undefined;
  readonly perAddress?: Rate | undefined;
}

export type RateSettings = Readonly<Record<LimitName, RatesOfClient>>;

/** The client that a request counts for. */
export interface LimitedClient {
  /** Id of the account, which never changes; '' for a client without a login: its address then counts. */
  readonly id: string;
  /** Name of the account. */
  readonly name: string;
  /** The IP address. For IPv6 the /64 network counts, all of whose addresses one client may use. */
  readonly address: string;
}

/** A limit that a request counted for, and what is left of it. */
export interface CountedLimit extends RateState {
  readonly limit: LimitName;
  readonly rate: Rate;
  /** The account or the address. */
  readonly source: string;
}

export interface RequestLimits {
  /**
   * Counts a request for the limits `counted`, and only reads those of `shown`. Resolves to those that are configured, in this
   * order. The last one is not allowed if the request has to be refused; it then counts for those before it.
   */
  admit(client: LimitedClient, counted: readonly LimitName[], shown?: readonly LimitName[]): Promise<readonly CountedLimit[]>;
  /** False if no rate is configured: then no request has to be counted. */
  readonly isLimited: boolean;
  /** Replaces the limits of this process. Windows go on. */
  configure(rates: RateSettings): void;
}

export interface RequestLimitsOptions {
  readonly limiter: RateLimiter;
  readonly rates: RateSettings;
  readonly onRefused: (limit: LimitName) => void;
}

export function createRequestLimits({ limiter, rates, onRefused }: RequestLimitsOptions): RequestLimits {
  let current = rates;
  let isLimited = hasRates(rates);

  async function stateOf(limit: LimitName, client: LimitedClient, isCounted: boolean): Promise<CountedLimit | undefined> {
    const hasLogin = client.id !== '';
    const { perAccount, perAddress } = current[limit];
    const rate = hasLogin ? perAccount : perAddress;
    if (!rate) return undefined;
    const source = hasLogin ? client.name : networkOf(client.address);
    const name = `${limit} ${hasLogin ? client.id : `address:${source}`}`;
    const state = await (isCounted ? limiter.take(name, rate) : limiter.show(name, rate));
    return { limit, rate, source, ...state };
  }

  return {
    get isLimited() {
      return isLimited;
    },
    async admit(client, counted, shown = []) {
      const found: CountedLimit[] = [];
      for (const limit of [...shown, ...counted]) {
        const state = await stateOf(limit, client, counted.includes(limit));
        if (state) found.push(state);
        if (state?.isAllowed !== false) continue;
        onRefused(limit);
        break;
      }
      return found;
    },
    configure(next) {
      current = next;
      isLimited = hasRates(next);
      limiter.reset();
    },
  };
}

function hasRates({ pulls, pushes, requests, logins }: RateSettings): boolean {
  const all: readonly RatesOfClient[] = [pulls, pushes, requests, logins];
  return all.some(({ perAccount, perAddress }) => perAccount !== undefined || perAddress !== undefined);
}
