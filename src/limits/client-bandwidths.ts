import { type Bandwidth, limitTo } from '../coordination/bandwidth.ts';
import { createLru } from '../coordination/lru.ts';

export type Direction = 'download' | 'upload';

/** Bytes a second of one client in one process; undefined: no limit. */
export type BandwidthSettings = Readonly<Record<Direction, number | undefined>>;

/** A limit that all transfers of one client in one direction share. */
export interface ClientBandwidth {
  readonly bandwidth: Bandwidth;
  readonly bytesPerSecond: number;
}

export interface ClientBandwidths {
  /** Returns the limit of a client; undefined: none. `client` returns its key, and is called only if there is a limit. */
  of(client: () => string, direction: Direction): ClientBandwidth | undefined;
  /** False if no bandwidth is limited: then no client has a limit. */
  readonly isLimited: boolean;
  /** Replaces the limits for requests from now on. */
  configure(settings: BandwidthSettings): void;
}

/** Clients whose transfers are remembered. A client beyond them begins with its full bandwidth again. */
const maxClients = 10_000;

export function createClientBandwidths(settings: BandwidthSettings): ClientBandwidths {
  let current = settings;
  const known = createLru<ClientBandwidth>(maxClients);

  return {
    get isLimited() {
      return current.download !== undefined || current.upload !== undefined;
    },
    of(client, direction) {
      const bytesPerSecond = current[direction];
      if (bytesPerSecond === undefined) return undefined;
      const key = `${direction} ${client()}`;
      const found = known.get(key);
      if (found) return found;
      const created = { bandwidth: limitTo(bytesPerSecond), bytesPerSecond };
      known.set(key, created);
      return created;
    },
    configure(next) {
      current = next;
      known.clear();
    },
  };
}
