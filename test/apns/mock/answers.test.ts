import { describe, expect, test } from 'vitest';
import { parseAnswer, parseAnswers, replyOf, type AnswerText } from '../../../src/apns/mock/answers.ts';
import { ExitCode, OperatorError } from '../../../src/process/errors.ts';

describe('parseAnswer', () => {
  function good(text: string, token: string, answer: string): void {
    test(text, () => {
      expect(parseAnswer(text)).toEqual({ token, answer });
    });
  }
  good('*=200', '*', '200');
  good('*=503/ServiceUnavailable', '*', '503/ServiceUnavailable');
  good('ABcd=410/Unregistered@1700000000000', 'abcd', '410/Unregistered@1700000000000');
  good('abcd=429/TooManyRequests+30', 'abcd', '429/TooManyRequests+30');
  for (const mood of ['silent', 'reset', 'goaway', 'goaway/BadCertificate', 'disconnect', 'html/407'])
    good(`abcd=${mood}`, 'abcd', mood);

  const wrong = [
    '',
    '200',
    '=200',
    '*=',
    'xyz=200',
    '*=20',
    '*=600',
    '*=100',
    '*=200/',
    '*=sulky',
    '*=goaway/',
    '*=html',
    '*=html/99',
    '*=410@now',
    '*=200 ',
  ];
  test.each(wrong)('bad: %j', (text) => {
    expect(() => parseAnswer(text)).toThrow(OperatorError);
    expect(() => parseAnswer(text)).toThrow(expect.objectContaining({ exitCode: ExitCode.usage }));
  });
});

describe('parseAnswers', () => {
  test('the content of answers.json', () => {
    const value = { '*': ['silent'], ABcd: ['500', '500', '200'] };
    expect(parseAnswers(value)).toEqual({ '*': ['silent'], abcd: ['500', '500', '200'] });
  });
  test.each([
    null,
    7,
    [],
    { '*': '200' },
    { '*': [] },
    { '*': [200] },
    { xyz: ['200'] },
    { '*': ['200', 'sulky'] },
  ])('bad: %j', (value) => {
    expect(() => parseAnswers(value)).toThrow(OperatorError);
  });
});

describe('replyOf', () => {
  test.each<[AnswerText, unknown]>([
    ['silent', 'silent'],
    ['goaway/BadCertificate', 'goaway/BadCertificate'],
    ['html/407', { status: 407, foreign: true }],
    ['200', { status: 200 }],
    ['410', { status: 410, reason: 'Unregistered' }],
    ['410/ExpiredToken@7', { status: 410, reason: 'ExpiredToken', timestampMs: 7 }],
    ['429+30', { status: 429, reason: 'TooManyRequests', retryAfterMs: 30_000 }],
    ['500', { status: 500, reason: 'InternalServerError' }],
    ['400', { status: 400 }],
  ])('%s', (text, want) => {
    expect(replyOf(text)).toEqual(want);
  });
  test('an answer stands for itself', () => {
    expect(replyOf({ status: 418, reason: 'Teapot' })).toEqual({ status: 418, reason: 'Teapot' });
  });
});
