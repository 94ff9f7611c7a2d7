// Carries the headers that the test programs share; see CMakeLists.txt.
