import { expect, test } from '@jest/globals';
import { Scope } from './scope.js';

const paris = new Scope('paris');

test.each([
  ['paris', true, true],
  ['paris/desktops', true, true],
  ['', false, true],
  ['parisian', false, false],
  ['rome/paris', false, false],
  ['rome', false, false],
])('from paris, %p is within: %p, and has clients within: %p', (path, within, touched) => {
  expect([paris.covers(path), paris.touches(path)]).toEqual([within, touched]);
  expect(Scope.fleet.covers(path)).toBe(true);
});

test.each([
  [undefined, 'paris'],
  ['', 'paris'],
  ['paris', 'paris'],
  ['paris/desktops', 'paris/desktops'],
  ['rome', undefined],
  ['parisian', undefined],
])('who is limited to paris and asks for %p looks in %p', (wanted, group) => {
  expect(paris.narrow(wanted)).toBe(group);
});

test('who is limited to a group and asks for one above looks in his own', () => {
  expect(new Scope('paris/desktops').narrow('paris')).toBe('paris/desktops');
  expect(Scope.fleet.narrow('rome')).toBe('rome');
  expect(Scope.fleet.narrow(undefined)).toBe('');
});

test('the error about a group elsewhere says nothing about whether it exists', () => {
  expect(() => paris.assertCovers('rome', 'group')).toThrow(
    'group: this key is limited to the group "paris" and those below it.',
  );
  expect(() => paris.assertCovers('paris/new')).not.toThrow();
});
