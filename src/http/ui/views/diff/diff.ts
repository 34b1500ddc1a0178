import type { Request, Response, Router } from 'express';
import type { Principal } from '../../../../access/permissions/principal.ts';
import type { ImageDiff } from '../../../../images/diff/image-diff.ts';
import { type LookedAtImage, isReady } from '../../../../images/view/image-opener.ts';
import { OciError } from '../../../../oci/errors.ts';
import { parsePlatform } from '../../../../oci/platform.ts';
import { parseNamedReference, parseReference } from '../../../../oci/reference.ts';
import type { ApiServices } from '../../../api/table/route.ts';
import type { AccessControl } from '../../../auth/access-control.ts';
import { byteSize } from '../../parts/size.ts';
import { type AsVisitor, queryOf } from '../../session/visitors.ts';
import { type Html, html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import { textsOf } from '../../shell/preferences.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { nameOf } from '../image/image-url.ts';
import { platformChoice } from '../image/image-view.ts';
import { indexPanel } from '../image/index-state.ts';
import { type Side, configTable, fileTables, layerTable, packageTable } from './diff-tables.ts';

export interface DiffOptions {
  readonly services: Pick<ApiServices, 'images'>;
  readonly access: Pick<AccessControl, 'allows'>;
  readonly asVisitor: AsVisitor;
}

/** Changed files that the view lists: those with the largest change. */
const mostFiles = 200;

/** Adds `GET /ui/diff?from=&to=`: what changes between two images. `to` may be a tag or digest of the repository of `from`. */
export function addDiff(router: Router, { services, access, asVisitor }: DiffOptions): void {
  const handler = async (visitor: Principal, request: Request, response: Response): Promise<void> => {
    const texts = textsOf(request);
    const query = queryOf(request);
    const [fromText, toText] = [(query.get('from') ?? '').trim(), (query.get('to') ?? '').trim()];
    const wanted = query.get('platform');
    const from = sideOf(fromText, wanted);
    const to = sideOf(toText, wanted, from);
    const send = (content: Html, status = 200) =>
      sendPage(response, status, { title: texts.diff.title, user: visitor.name, current: 'repositories', content });
    if (!from || !to) {
      const isEmpty = fromText === '' && toText === '';
      send(
        html`${isEmpty ? undefined : html`<p class="wrong" role="alert">${texts.diff.invalid}</p>`}
        ${form(texts, fromText, toText)}`,
        isEmpty ? 200 : 400,
      );
      return;
    }
    for (const { repository } of [from, to])
      if (!(await access.allows(visitor, 'pull', repository))) throw new OciError('NAME_UNKNOWN');
    const images = await services.images();
    const platform = parsePlatform(wanted ?? '');
    const look = ({ repository, reference }: Side) => images.look({ repository, reference, platform });
    const [one, other] = [await look(from), await look(to)];
    const diff = await images.diffs.diff(one, other, mostFiles);
    const places = [
      [from, one],
      [to, other],
    ] as const;
    const panels = places.flatMap(([side, looked]) =>
      isReady(looked) ? [] : [html`<p><strong>${side.name}</strong></p>`, indexPanel({ ...side, texts, request }, looked)],
    );
    send(
      html`${head(texts, from, to, one, query)} ${panels} ${changes(texts, from, to, diff)} ${form(texts, from.name, to.name)}`,
    );
  };
  router.get('/diff', asVisitor(handler));
}

/** Parses `team/app:1`, or a tag or digest of the other side's repository. */
function sideOf(text: string, platform: string | null, other?: Side): Side | undefined {
  const reference = other && !text.includes('/') ? parseReference(text) : undefined;
  const named = parseNamedReference(text) ?? (other && reference && { repository: other.repository, reference });
  return named && { ...named, name: nameOf(named.repository, named.reference), platform };
}

function form(texts: Texts, from: string, to: string): Html {
  return html`<h2>${texts.diff.choose}</h2>
    <form class="filter" method="get" action="/ui/diff">
      <label>${texts.diff.from} <input name="from" value="${from}" required maxlength="400" /></label>
      <label>${texts.diff.to} <input name="to" value="${to}" required maxlength="400" /></label>
      <button>${texts.actions.compare}</button>
    </form>`;
}

function head(texts: Texts, from: Side, to: Side, { image }: LookedAtImage, query: URLSearchParams): Html {
  const swapped = new URLSearchParams(query);
  swapped.set('from', to.name);
  swapped.set('to', from.name);
  const choice = platformChoice({ texts }, image.platforms, image.platform);
  const link = ({ name }: Side) => html`<a href="/ui/r/${name}"><code>${name}</code></a>`;
  return html`<p class="sides">
      ${link(from)} <span aria-hidden="true">→</span> ${link(to)}
      <a class="button" href="/ui/diff?${swapped.toString()}">${texts.diff.swap}</a>
    </p>
    ${
      choice &&
      html`<form class="filter" method="get" action="/ui/diff">
        <input type="hidden" name="from" value="${from.name}" />
        <input type="hidden" name="to" value="${to.name}" />
        ${choice} <button>${texts.files.show}</button>
      </form>`
    }`;
}

function changes(texts: Texts, from: Side, to: Side, diff: ImageDiff): Html {
  const { config, layers, download, files, packages } = diff;
  const hasSameLayers = layers.removed.length + layers.added.length === 0;
  if (config.length === 0 && hasSameLayers) return html`<p class="note">${texts.diff.identical}</p>`;
  const [before, of, after] = texts.diff.download(from.name, to.name);
  return html`<p>${before} ${byteSize(download.bytes)} ${of} ${byteSize(download.totalBytes)} ${after}</p>
    ${configTable(texts, config)} ${layerTable(texts, layers)} ${files && fileTables(texts, from, to, files)}
    ${packages && packageTable(texts, packages)}`;
}
