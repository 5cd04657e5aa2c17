-- KEYS: windows
-- ARGV: limits and periods
-- Returns the full window if limited, else how many ms each window goes on

local limited = full(1, #KEYS)
if limited then
  return limited
end
count(1, #KEYS)
local left = {}
for i = 1, #KEYS do
  left[i] = redis.call('PTTL', KEYS[i])
end
return left
