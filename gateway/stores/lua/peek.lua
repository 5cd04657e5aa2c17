-- KEYS: record
-- Returns nothing if a delivery is due, else what `start` would return

local record = redis.call('GET', KEYS[1])
if not record or string.byte(record, 17) == 0 then
  return nil
end
local left = redis.call('PTTL', KEYS[1])
local turn, mark = struct.unpack('>BI4', record, 18)
if left <= mark then
  return nil
end
return {0, 0, turn, left, left - mark, string.sub(record, 23)}
