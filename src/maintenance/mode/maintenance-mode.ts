import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { OciError } from '../../oci/errors.ts';
import { type Author, dated } from '../../registry/author.ts';

/** Why content cannot be changed, and since when. */
export interface ReadOnlyState {
  /** '' for none. */
  readonly reason: string;
  /** Milliseconds since 1970; undefined: the configuration says so. */
  readonly since: number | undefined;
  /** Name of the account that began it, or `command line`; '' for the configuration. */
  readonly actor: string;
}

/**
 * The mode in which clients read content and cannot change it. It is stored in the metadata, and looked up for each change: all
 * processes obey at once.
 */
export interface MaintenanceMode {
  /** Resolves to undefined while content can be changed. */
  find(): Promise<ReadOnlyState | undefined>;
  /** Begins the mode, until `end` and also after restarts. */
  begin(reason: string, author: Author): Promise<void>;
  /** Ends the mode. Rejects UNSUPPORTED (409) if the configuration demands it. */
  end(author: Author): Promise<void>;
  /** Throws UNSUPPORTED (405) while content cannot be changed. */
  assertWritable(): Promise<void>;
  /** Sets whether the configuration forbids changes. */
  configure(isReadOnly: boolean): void;
}

/** A reason is shown on one line. */
export const maxReasonCharacters = 500;

export interface MaintenanceModeOptions {
  readonly metadata: Pick<MetadataStore, 'maintenanceMode'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** True if the configuration forbids changes: `readOnly`. */
  readonly isConfigured: boolean;
}

export function createMaintenanceMode({ metadata, now, ...options }: MaintenanceModeOptions): MaintenanceMode {
  let { isConfigured } = options;
  const find = async (): Promise<ReadOnlyState | undefined> =>
    (await metadata.maintenanceMode.find()) ?? (isConfigured ? { reason: '', since: undefined, actor: '' } : undefined);

  return {
    find,
    begin: (reason, author) => metadata.maintenanceMode.begin(reason, dated(author, now())),
    async end(author) {
      await metadata.maintenanceMode.end(dated(author, now()));
      if (isConfigured) throw new OciError('UNSUPPORTED', { status: 409, message: 'readOnly in the configuration is true' });
    },
    async assertWritable() {
      const state = await find();
      // 405 as CNCF Distribution answers: docker prints the message at once, and would retry a 503 without printing it.
      if (state) throw new OciError('UNSUPPORTED', { message: describeReadOnly(state) });
    },
    configure(isReadOnly) {
      isConfigured = isReadOnly;
    },
  };
}

/** Returns a sentence for clients. */
export function describeReadOnly({ reason, since }: ReadOnlyState): string {
  const cause = since === undefined ? 'by its configuration' : 'for maintenance';
  return `the registry is read-only ${cause}${reason === '' ? '' : ` (${reason})`}: pulls work, and nothing can be changed`;
}
