import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { preferredLanguage } from '../../../src/http/ui/texts/languages.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { newVisitor } from '../../support/visitor.ts';

describe('the language of the page', () => {
  test.each([
    [undefined, 'en'],
    ['', 'en'],
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh-CN'],
    ['zh-TW, en;q=0.5', 'zh-CN'],
    ['en;q=0.5, zh;q=0.7', 'zh-CN'],
    ['zh;q=0, en', 'en'],
    ['fr-FR, de;q=0.9', 'en'],
    ['fr, zh-Hans-CN;q=0.3', 'zh-CN'],
    ['zh;q=nonsense, en;q=0.1', 'en'],
  ])('for a browser that accepts %j is %s', (header, language) => {
    expect(preferredLanguage(header)).toBe(language);
  });
});

describe('a visitor', () => {
  let berth: TestBerth;
  beforeAll(async () => {
    berth = await startBerth();
  });
  afterAll(() => berth.close());

  test('chooses language and theme, and gets back to the same view', async () => {
    const visitor = newVisitor(berth);
    expect((await visitor.get('/ui/setup')).text).toContain('<html lang="en" data-theme="system">');
    const chosen = await visitor.post('/ui/preferences', { language: 'zh-CN', next: '/ui/setup?client=podman' });
    expect([chosen.status, chosen.location]).toEqual([303, '/ui/setup?client=podman']);
    await visitor.post('/ui/preferences', { theme: 'dark', next: '/ui' });
    const page = await visitor.get('/ui/setup');
    expect(page.text).toContain('<html lang="zh-CN" data-theme="dark">');
    expect(page.text).toContain('客户端设置');
    expect(page.header('content-language')).toBe('zh-CN');
  });

  test('cannot choose what there is not, nor be led to another site', async () => {
    const visitor = newVisitor(berth);
    const chosen = await visitor.post('/ui/preferences', {
      language: 'constructor',
      theme: 'x',
      next: 'https://evil.example/ui',
    });
    expect([chosen.location, visitor.cookies.size]).toEqual(['/ui', 0]);
  });

  test('is not changed by a form of another site, also in mode open', async () => {
    const visitor = newVisitor(berth);
    const forged = await visitor.post('/ui/preferences', { theme: 'dark' }, { Origin: 'https://evil.example' });
    expect([forged.status, visitor.cookies.size]).toEqual([403, 0]);
  });

  test('sees errors in the own language, with the id of the request', async () => {
    const answer = await call(berth, 'GET', '/ui/r/not/there', { headers: { 'Accept-Language': 'zh-CN' } });
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toContain('<h1>未找到</h1>');
    expect(answer.body.toString()).toMatch(/请求 [\w-]+：/);
  });
});
