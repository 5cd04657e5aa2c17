-- KEYS: record, lease, windows of count, of check, of spend
-- ARGV: new record, lifetime, resend, number of windows in count, in check; limits and periods
-- Returns the full window if limited, else
-- {deliver, fresh, turn, ms to live, ms until the next delivery, memo}
-- A record is digest (16), tries left (1), turn (1), mark (4), memo; deliver again when PTTL <= mark.

local counted = 2 + tonumber(ARGV[4])
local checked = counted + tonumber(ARGV[5])

local limited = full(3, counted) or full(counted + 1, checked)
if limited then
  return limited
end

local record = redis.call('GET', KEYS[1])
local fresh = not record or string.byte(record, 17) == 0
local left, turn, mark
if not fresh then
  left = redis.call('PTTL', KEYS[1])
  turn, mark = struct.unpack('>BI4', record, 18)
  if left > mark then
    count(3, counted)
    return {0, 0, turn, left, left - mark, string.sub(record, 23)}
  end
end

limited = full(checked + 1, #KEYS)
if limited then
  return limited
end
count(3, counted)
count(checked + 1, #KEYS)

if fresh then
  record = ARGV[1]
  left = tonumber(ARGV[2])
  turn, mark = struct.unpack('>BI4', record, 18)
  redis.call('SET', KEYS[1], record, 'PX', left)
  redis.call('DEL', KEYS[2])
else
  turn = math.min(turn + 1, 255)
  mark = math.max(left - tonumber(ARGV[3]), 0)
  redis.call('SETRANGE', KEYS[1], 17, struct.pack('>BI4', turn, mark))
end
return {1, fresh and 1 or 0, turn, left, left - mark, string.sub(record, 23)}
