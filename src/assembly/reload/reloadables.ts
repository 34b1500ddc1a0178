import type { Config } from '../../../config/schema.ts';
import type { Certificate } from '../../http/server/certificate.ts';
import type { MaintenanceMode } from '../../maintenance/mode/maintenance-mode.ts';
import type { Log } from '../../observability/log.ts';
import type { UploadLimits } from '../../registry/upload-limits.ts';
import type { Mirror } from '../../mirror/mirror.ts';
import { reloadUpstreams } from './upstreams.ts';
import { type Reloader, type Reloadable, createReloader } from './reloader.ts';

export interface ReloadableParts {
  readonly log: Pick<Log, 'level' | 'info' | 'warn'>;
  readonly limits: { readonly reloadable: Reloadable };
  readonly mode: Pick<MaintenanceMode, 'configure'>;
  readonly uploadLimits: LiveUploadLimits;
  readonly guard: { readonly reloadable: Reloadable } | undefined;
  readonly certificate: Certificate | undefined;
  readonly mirror: Mirror;
}

/** Creates the reloader of a server from the parts that take new settings while it runs. */
export function openReloader(config: Config, parts: ReloadableParts): Reloader {
  const { log, limits, mode, uploadLimits, guard, certificate, mirror } = parts;
  return createReloader(config, [
    limits.reloadable,
    uploadLimits.reloadable,
    reloadUpstreams(config, mirror, log),
    ...(guard ? [guard.reloadable] : []),
    ...(certificate ? [reloadCertificate(certificate, log)] : []),
    { keys: ['readOnly'], prepare: (next) => () => mode.configure(next.readOnly) },
    { keys: ['log.level'], prepare: (next) => () => void (log.level = next.log.level) },
  ]);
}

/** The files are read again; other paths need a restart. */
function reloadCertificate(certificate: Certificate, log: Pick<Log, 'info'>): Reloadable {
  return {
    keys: [],
    async prepare() {
      const use = await certificate.prepareRenewal();
      return () => {
        if (use()) log.info('new connections get the renewed certificate');
      };
    },
  };
}

/** The limits of uploads, as the registry reads them for each upload. */
export interface LiveUploadLimits {
  readonly limits: UploadLimits;
  readonly reloadable: Reloadable;
}

export function readUploadLimits({ uploads }: Pick<Config, 'uploads'>): LiveUploadLimits {
  let current = uploads;
  return {
    limits: {
      get perAccount() {
        return current.maxPerAccount;
      },
      get perAddress() {
        return current.maxPerAddress;
      },
      get maxBytes() {
        return current.maxSize;
      },
    },
    reloadable: {
      keys: ['uploads.maxPerAccount', 'uploads.maxPerAddress', 'uploads.maxSize'],
      prepare: (next) => () => void (current = next.uploads),
    },
  };
}
