import type { RetentionOverview } from '../../../../maintenance/retention/overview.ts';
import { type Pattern } from '../../../../oci/patterns/repository-pattern.ts';
import { digestCode } from '../../parts/digest.ts';
import { paging } from '../../parts/paging.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Reader } from './figures.ts';

type Decision = Awaited<ReturnType<RetentionOverview['preview']>>['decisions'][number];

const repositoriesOfPage = 20;

/** Shows what the rules of retention would do now, with the reason of each decision. Changes nothing. */
export async function retentionContent(
  reader: Reader,
  retention: Pick<RetentionOverview, 'preview'>,
  pattern: Pattern | undefined,
  query: URLSearchParams,
): Promise<Html> {
  const names = reader.texts.storage.retention;
  const { decisions, next } = await retention.preview(pattern, (query.get('after') ?? '').slice(0, 255), repositoriesOfPage);
  const columns = [names.image, names.decision, names.reason, names.rule, names.pushed];
  return html`${
    decisions.length === 0
      ? html`<p>${names.none}</p>`
      : table(
          names.caption,
          columns,
          decisions.map((decision) => rowOf(reader, decision)),
        )
  }
  ${paging(reader.texts, query, next)}`;
}

function rowOf({ texts, language, now }: Reader, decision: Decision) {
  const names = texts.storage.retention;
  const { repository, tag, digest, expires, reason, rule, pushedAt, noticeUntil } = decision;
  const reference = tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
  const name = tag === undefined ? html`${repository} ${digestCode(digest)} (${names.untagged})` : reference;
  const time = noticeUntil === undefined ? undefined : html`, ${names.notBefore} ${relativeTime(noticeUntil, now, language)}`;
  return {
    heading: html`<a href="/ui/r/${reference}">${name}</a>`,
    cells: [
      expires ? html`<strong class="bad">${names.expires}</strong>${time}` : names.stays,
      reason,
      rule,
      relativeTime(pushedAt, now, language),
    ],
  };
}
