import type { StorageView } from '../../../overviews/storage-view.ts';
import { byteSize, formatBytes, formatCount } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import type { Language } from '../../texts/languages.ts';
import { shareMeter } from './tree.ts';

export type Summary = Awaited<ReturnType<StorageView['summary']>>;
type Quotas = Awaited<ReturnType<StorageView['quotas']>>;

/** How a visitor wants to read figures. */
export interface Reader {
  readonly texts: Texts;
  readonly language: Language;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Shows what takes the space, and how much the disk has left. */
export function usesSection({ texts, language, now }: Reader, summary: Summary): Html {
  const { storage } = texts;
  const { countedAt, imageBytes, cacheBytes, trashBytes, garbageBytes, indexBytes, uploadBytes, uploads } = summary;
  const uses = [
    ['images', imageBytes, storage.help.images, undefined],
    ['cache', cacheBytes, storage.help.cache, '/ui/mirror'],
    ['trash', trashBytes, storage.help.trash, '/ui/trash'],
    ['garbage', garbageBytes, storage.help.garbage, undefined],
    ['indexes', indexBytes, storage.help.indexes, undefined],
    ['uploads', uploadBytes, storage.help.uploads(uploads), undefined],
  ] as const;
  const all = uses.reduce((sum, [, bytes]) => sum + bytes, 0);
  const rows = uses.map(([part, bytes, help, href]) => {
    const name = storage.parts[part];
    return {
      heading: href === undefined ? name : html`<a href="${href}">${name}</a>`,
      cells: [byteSize(bytes), shareMeter(name, bytes, all), html`<span class="quiet">${help}</span>`],
    };
  });
  const counted =
    countedAt === undefined
      ? html`<p class="note" role="status">${storage.counting}</p>`
      : html`<p class="quiet">${storage.counted} ${relativeTime(countedAt, now, language)}.</p>`;
  return html`${diskOf(texts, summary)}
    <h2>${storage.uses}</h2>
    ${table(storage.uses, [storage.use, storage.size, storage.share, storage.about], rows)} ${counted}`;
}

function diskOf({ storage }: Texts, { disk }: Summary): Html {
  if (!disk) return html`<p>${storage.bucket}</p>`;
  const { totalBytes, freeBytes } = disk;
  const used = totalBytes - freeBytes;
  const sentence = storage.disk(formatBytes(used), formatBytes(totalBytes));
  return html`<p class="disk">
    <meter
      class="wide"
      min="0"
      max="${totalBytes}"
      high="${Math.round(totalBytes * 0.95)}"
      value="${used}"
      aria-label="${sentence}"
    >
      ${sentence}
    </meter>
    <strong>${storage.free(formatBytes(freeBytes))}</strong> ${sentence}
  </p>`;
}

/** Shows quotas, and what the next push may use of each. */
export function quotasSection({ texts }: Reader, quotas: Quotas): Html | undefined {
  if (quotas.length === 0) return undefined;
  const names = texts.storage.quotas;
  const rows = quotas.map(({ quota, per, name, usedBytes, uploadBytes, maxBytes, tags, maxTags, counting }) => {
    const scope = per === 'all' ? names.all : per === 'namespace' ? `${name}/` : name;
    const used = usedBytes + uploadBytes;
    const bar =
      maxBytes === null
        ? byteSize(used)
        : html`<meter
              min="0"
              max="${maxBytes}"
              high="${Math.round(maxBytes * 0.9)}"
              value="${used}"
              aria-label="${quota} ${scope}"
            >
              ${names.of(formatBytes(used), formatBytes(maxBytes))}
            </meter>
            ${names.of(formatBytes(used), formatBytes(maxBytes))}`;
    const left = maxBytes === null ? names.unlimited : byteSize(Math.max(0, maxBytes - used));
    return {
      heading: scope,
      cells: [
        quota,
        bar,
        counting ? html`<span class="quiet">${names.counting}</span>` : left,
        maxTags === null ? formatCount(tags) : names.of(formatCount(tags), formatCount(maxTags)),
      ],
    };
  });
  return html`<h2>${names.title}</h2>
    ${table(names.title, [names.scope, names.quota, names.used, names.left, names.tags], rows)}`;
}

/** Shows when backups, checks and copies were last done. */
export function healthSection({ texts, language, now }: Reader, { backupAt, scrub, sync }: Summary): Html {
  const names = texts.storage.health;
  const age = (at: number | null | undefined) => (at === undefined || at === null ? '–' : relativeTime(at, now, language));
  const damaged = scrub.corrupt > 0 ? html`<strong class="bad">${names.corrupt(scrub.corrupt)}</strong>` : undefined;
  const rows = [
    { heading: names.backup, cells: [age(backupAt), backupAt === undefined ? names.noBackup : names.states.done] },
    {
      heading: names.scrub,
      cells: [age(scrub.oldestCheckAt), html`${names.coverage(Math.floor(scrub.coverage * 100))} ${damaged}`],
    },
    ...sync.map(({ name, state, succeededAt }) => ({
      heading: names.sync(name),
      cells: [age(succeededAt), names.states[state]],
    })),
  ];
  return html`<h2>${names.title}</h2>
    ${table(names.title, [names.what, names.last, names.state], rows)}`;
}
