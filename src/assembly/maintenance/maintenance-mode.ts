import type { Config } from '../../../config/schema.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type MaintenanceMode, createMaintenanceMode } from '../../maintenance/mode/maintenance-mode.ts';
import type { Metrics } from '../../observability/metrics.ts';

export interface MaintenanceModeParts {
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly metrics: Pick<Metrics, 'limits'>;
}

/** Creates the maintenance mode of a server, with its metric. */
export function openMaintenanceMode({ readOnly }: Config, { metadata, now, metrics }: MaintenanceModeParts): MaintenanceMode {
  const mode = createMaintenanceMode({ metadata, now, isConfigured: readOnly });
  metrics.limits.watchReadOnly(async () => (await mode.find()) !== undefined);
  return mode;
}
