import { openMetadata } from '../../../assembly/metadata-store.ts';
import { openWebhookOverview } from '../../../assembly/webhooks/webhooks.ts';
import type { WebhookOverview } from '../../../webhooks/overview.ts';
import { type Invocation, type Run, CommandError } from '../../program/command.ts';

/** Makes a command that uses the metadata store beside a running server. */
export function webhookCommand(run: (invocation: Invocation, overview: WebhookOverview) => Promise<void>): Run {
  return async (invocation) => {
    const config = invocation.config();
    const metadata = await openMetadata(config);
    try {
      await run(invocation, await openWebhookOverview(config, metadata));
    } finally {
      await metadata.close();
    }
  };
}

/** Throws `CommandError` if the configuration has no target of this name. */
export function known<Found>(name: string, found: Found | undefined): Found {
  if (found === undefined) throw new CommandError(`webhooks.targets of the configuration has no ${name}`);
  return found;
}
