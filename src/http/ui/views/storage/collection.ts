import { formatBytes } from '../../parts/size.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Reader, Summary } from './figures.ts';

/** What is counted for, where untagged manifests are kept. */
const untaggedTime = '30d';

/** Shows garbage collection. `mayChange`: with the buttons of an admin. */
export function collectionSection(reader: Reader, summary: Summary, mayChange: boolean): Html {
  const { texts, language, now } = reader;
  const names = texts.storage.collection;
  const { pausedAt, blockedBy, due, overdue, failed, purgedAt, purgedBlobs, purgedBytes, keepsVersions } = summary.collection;
  const state =
    blockedBy !== null
      ? names.blocked(blockedBy)
      : pausedAt === null
        ? names.running
        : html`${names.paused} ${relativeTime(pausedAt, now, language)}`;
  return html`<h2 id="collection">${names.title}</h2>
    <dl>
      <dt>${names.state}</dt>
      <dd>${state}</dd>
      <dt>${names.last}</dt>
      <dd>${purgedAt === null ? names.never : relativeTime(purgedAt, now, language)}</dd>
      <dt>${names.deleted}</dt>
      <dd>${names.blobs(purgedBlobs)}, ${formatBytes(purgedBytes)}</dd>
      <dt>${names.due}</dt>
      <dd>${due}${overdue > 0 ? html`, <strong class="bad">${names.overdue(overdue)}</strong>` : undefined}</dd>
      ${
        failed.length === 0
          ? undefined
          : html`<dt>${names.failed}</dt>
              <dd><strong class="bad">${failed.length}</strong></dd>`
      }
    </dl>
    ${keepsVersions === true ? html`<p class="quiet">${names.versions}</p>` : undefined} ${untaggedHint(reader, summary)}
    ${mayChange ? buttons(reader, pausedAt !== null) : undefined}`;
}

/** What one line of the configuration would free; nothing if untagged manifests are deleted already. */
function untaggedHint({ texts }: Reader, { collection, untagged }: Summary): Html | undefined {
  if (collection.untaggedMs !== null || untagged.manifests === 0) return undefined;
  return html`<p>
    ${texts.storage.collection.untagged(untagged.manifests, untaggedTime)} <strong>${formatBytes(untagged.bytes)}</strong>.
  </p>`;
}

function buttons({ texts }: Reader, isPaused: boolean): Html {
  const names = texts.storage.collection;
  const shown = isPaused ? (['resume'] as const) : (['run', 'pause'] as const);
  return html`<form class="actions" method="post" action="/ui/storage/collection">
    ${shown.map((action) => html`<button name="action" value="${action}">${names[action]}</button> `)}
  </form>`;
}
