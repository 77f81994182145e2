import assert from 'node:assert/strict'
import { Course } from '../../../client/src/course.ts'

describe("a client's place in a stream", () => {
  let course: Course
  beforeEach(() => {
    course = new Course()
    course.goOnFrom({ epoch: 'e', seq: 5 })
  })

  const taken = (seq: number, fields: { snapshot?: boolean; conflated?: boolean } = {}) => {
    const { isRepeat, hole } = course.take({ seq, ...fields })
    return isRepeat ? 'repeat' : hole ? `hole ${hole.from}-${hole.to}` : 'next'
  }

  it('moves by one with each message', () => {
    assert.deepEqual([taken(6), taken(7), course.position], ['next', 'next', { epoch: 'e', seq: 7 }])
  })

  it('knows repeats, and holes that nobody told of', () => {
    assert.deepEqual(
      [taken(5), taken(6), taken(6), taken(9), taken(8)],
      ['repeat', 'next', 'repeat', 'hole 7-8', 'repeat'],
    )
  })

  it('takes no hole for a loss that the server tells of, or that conflation makes', () => {
    course.goOnFrom({ epoch: 'e', seq: 8 })
    assert.deepEqual([taken(9), taken(20, { conflated: true }), taken(21)], ['next', 'next', 'next'])
  })

  it('does not move by a snapshot, after which older messages may come', () => {
    assert.deepEqual([taken(9, { snapshot: true }), taken(6), taken(9, { snapshot: true })], ['next', 'next', 'next'])
    assert.equal(course.position?.seq, 6)
  })

  it('goes on from the snapshot that ends a time of conflation', () => {
    course.takeUpFromSnapshot('told')
    assert.deepEqual([taken(9, { snapshot: true }), taken(10), taken(15, { snapshot: true })], ['next', 'next', 'next'])
    assert.equal(course.position?.seq, 10)
  })

  it('tells what was lost before a snapshot when it could not ask for it', () => {
    course.takeUpFromSnapshot('untold')
    assert.deepEqual([taken(9, { snapshot: true }), taken(10)], ['hole 6-8', 'next'])
    course.takeUpFromSnapshot('untold')
    assert.deepEqual([taken(10, { snapshot: true }), taken(11)], ['next', 'next'])
    course.takeUpFromSnapshot('untold')
    assert.deepEqual([taken(2, { snapshot: true }), taken(3)], ['hole 12-null', 'next'])
    assert.equal(course.position, null)
  })

  it('begins anywhere when nothing was told of it', () => {
    course = new Course()
    assert.deepEqual([taken(7, { snapshot: true }), taken(8), course.position], ['next', 'next', null])
  })
})
