"""The pages of a sign-in in a browser.

Routes, on the public listener; ``public_url`` may put a path in front of them::

    GET  /signin?appid=…            the sign-in page: ways in, forms      routes -> links -> signin
    POST /signin?appid=…            what was typed into them              routes -> links -> signin
    GET  /signin/ID                 out to a provider's own site          routes -> journeys
    GET  POST /callback/PROVIDER    and back                              routes -> journeys
    GET  /signin/signin.css .js     what the pages look and act like      assets

``signin`` takes values and returns a ``Page`` or where to go; ``pages`` alone makes HTML and
headers of it, in the language that ``texts`` chose. Nothing here decides who somebody is: that is
``login.Engine``, for browsers as for apps. Templates are loaded with the first page.
"""
