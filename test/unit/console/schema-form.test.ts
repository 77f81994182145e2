import assert from 'node:assert/strict'
import type { JsonSchema } from '../../../console/src/api/shapes.ts'
import { exampleValues, fieldsOf, readForm } from '../../../console/src/views/events/schema-form.ts'
import { type catalogue, EVENT_TYPES, eventTypesDocument, validateEventData } from '../../../src/events/catalogue.ts'

const TYPES = eventTypesDocument().event_types.filter((entry) => !entry.system_only)

function schemaOf(type: string): JsonSchema {
  return TYPES.find(({ event_type }) => event_type === type)?.schema as JsonSchema
}

describe('the form that is made from a schema', () => {
  it('has a field for every property of every type, those that must be there first', () => {
    for (const { event_type, schema } of TYPES) {
      const fields = fieldsOf(schema as JsonSchema)
      assert.deepEqual(fields.map(({ name }) => name).sort(), Object.keys(schema.properties ?? {}).sort(), event_type)
      const needed = fields.map(({ required, oneOf }) => required || oneOf.length > 0)
      assert.deepEqual(
        needed,
        [...needed].sort((one, other) => Number(other) - Number(one)),
      )
    }
  })

  for (const { event_type, schema, example } of TYPES) {
    it(`reads the example of ${event_type} as the catalogue has it`, () => {
      const { data, complaints } = readForm(schema as JsonSchema, exampleValues(schema as JsonSchema, example))
      assert.deepEqual(complaints, {})
      assert.deepEqual(data, example)
      const type = EVENT_TYPES.find((known) => known === event_type)
      assert.ok(type)
      validateEventData(type, data as (typeof catalogue)[typeof type]['example'])
    })
  }

  it('shows choices as choices and numbers as numbers', () => {
    const kinds = Object.fromEntries(fieldsOf(schemaOf('alert_triggered')).map(({ name, kind }) => [name, kind]))
    assert.deepEqual([kinds['symbol'], kinds['severity'], kinds['actual_value']], ['text', 'choice', 'number'])
    const severity = fieldsOf(schemaOf('alert_triggered')).find(({ name }) => name === 'severity')
    assert.deepEqual(severity?.choices, ['low', 'medium', 'high', 'critical'])
  })

  it('asks for what is missing, also for one of two', () => {
    const schema = schemaOf('prediction_complete')
    const { complaints } = readForm(schema, { symbol: ' ', confidence: '0.5' })
    assert.deepEqual(complaints, {
      symbol: 'This is required.',
      predicted_price: 'This is required.',
      predicted_return: 'One of Predicted return, Current price is required.',
      current_price: 'One of Predicted return, Current price is required.',
    })
    const given = { symbol: 'AAPL', predicted_price: '190', confidence: '0.5', current_price: '180' }
    assert.deepEqual(readForm(schema, given).complaints, {})
  })

  it('refuses what is no number or out of bounds, and leaves out what was left empty', () => {
    const schema = schemaOf('prediction_complete')
    const typed = {
      symbol: 'AAPL',
      predicted_price: '0',
      confidence: '1.5',
      predicted_return: 'much',
      model_version: '',
    }
    const { data, complaints } = readForm(schema, typed)
    assert.deepEqual(data, { symbol: 'AAPL' })
    assert.deepEqual(complaints, {
      predicted_price: 'This must be above 0.',
      confidence: 'This must be at most 1.',
      predicted_return: 'This is not a number.',
    })
  })
})
