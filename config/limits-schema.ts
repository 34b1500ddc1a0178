import { optional, rate, section } from './keys.ts';

/** Keys of the section `limits`; see `schema.ts`. */

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
  logins: section({
    perAddress: optional(rate('logins and requests for tokens from one address, such as 60/1m; default: no limit')),
  }),
});
