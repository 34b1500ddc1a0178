import { duration, optional, rate, section, size, wholeNumber } from './keys.ts';

/** Keys of the sections `limits` and `http`; see `schema.ts`. */

const perAccount = (what: string) =>
  optional(rate(`${what} of one account, robot or workload, such as 1000/1h; default: no limit`));
const perAddress = (what: string) =>
  optional(rate(`${what} from one address without a login, such as 100/6h; default: no limit`));

/** Limits of single clients. Rates count in all processes together. */
export const limits = section({
  pulls: section({ perAccount: perAccount('GETs of manifests'), perAddress: perAddress('GETs of manifests') }),
  pushes: section({ perAccount: perAccount('PUTs of manifests'), perAddress: perAddress('PUTs of manifests') }),
  requests: section({
    perAccount: perAccount('requests to the registry protocol and the API'),
    perAddress: perAddress('requests to the registry protocol and the API'),
  }),
  bandwidth: section({
    download: optional(
      size('', 'bytes a second of all downloads of one client from a process, such as 50MiB; default: no limit'),
    ),
    upload: optional(size('', 'bytes a second of all uploads of one client to a process, such as 20MiB; default: no limit')),
  }),
  logins: section({
    perAddress: optional(rate('logins and requests for tokens from one address, such as 60/1m; default: no limit')),
  }),
});

/** Limits of connections and requests, in each process. */
export const http = section({
  maxConnections: optional(
    wholeNumber(
      1,
      1,
      1_000_000,
      'largest number of open connections; a further one closes the one that rests longest; default: 40 % of the open files',
    ),
  ),
  maxHeaderSize: size('16KiB', 'largest headers of a request; larger ones get 431'),
  headersTimeout: duration('20s', 'time for the headers of a request; then 408'),
  idleTimeout: duration('60s', 'time without a byte within a request; then 408, or the end of the connection'),
  requestTimeout: duration('0s', 'time for a whole request with its body; then 408; 0s: no limit while bytes arrive'),
  keepAliveTimeout: duration('65s', 'time for which a connection without a request stays open'),
});
