-- KEYS: windows
-- ARGV: limit and period of each window
-- Returns ms to wait if limited, else 0

local limited = wait(1, #KEYS)
if limited == 0 then
  count(1, #KEYS)
end
return limited
